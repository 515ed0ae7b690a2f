"""How much memory a large export takes."""

from collections.abc import Iterator

from tests.benchmarks import books, orders
from tests.benchmarks.bench import Bench
from tests.benchmarks.figures import Figure, at_most, exactly, seconds


def memory(bench: Bench) -> Iterator[Figure]:
    """Peak resident memory of the exporter's process."""
    numbers = range(10_000 if bench.quick else 100_000)
    with bench.stage("memory") as stage:
        orders.load(stage.sandbox, numbers)
        report = stage.export()
        documents, twice, missing = books.count(stage.sandbox, numbers)
    yield at_most(f"{len(numbers):,} orders: peak memory of the exporter", report["peak_mb"], 600, " MB")
    yield exactly("  documents", documents, len(numbers))
    yield exactly("  duplicates + missing", twice + missing, 0)
    yield seconds("  seconds of the flow", report["seconds"])
