"""One-line orders: what they cost in calls, and what becomes of them when answers are lost."""

from collections.abc import Iterator

from tests.benchmarks import books, orders
from tests.benchmarks.bench import Bench
from tests.benchmarks.figures import Figure, at_most, exactly, seconds
from tests.benchmarks.orders import CUSTOMERS

A_CALL = 50
# A read for each reference list and page of contacts, and one each to see what stands there already.
READS = 10


def calls(bench: Bench) -> Iterator[Figure]:
    """Calls to Xero in all, and that everything came."""
    numbers = range(1_000 if bench.quick else 10_000)
    with bench.stage("calls") as stage:
        orders.load(stage.sandbox, numbers)
        report = stage.export()
        made = stage.sandbox.state()["calls"]["total"]
        documents, twice, missing = books.count(stage.sandbox, numbers)
    name = f"{len(numbers):,} one-line orders of {CUSTOMERS} customers"
    yield at_most(f"{name}: calls to Xero", made, (len(numbers) + CUSTOMERS) / A_CALL + READS)
    yield exactly("  documents", documents, len(numbers))
    yield exactly("  duplicates + missing", twice + missing, 0)
    yield seconds("  seconds of the flow", report["seconds"])


def lost(bench: Bench) -> Iterator[Figure]:
    """The same with answers that never come, though the work is done."""
    for every in (100, 10):
        yield from _lost(bench, every)


def _lost(bench: Bench, every: int) -> Iterator[Figure]:
    numbers = range(1_000 if bench.quick else 10_000)
    with bench.stage(f"lost-{every}") as stage:
        orders.load(stage.sandbox, numbers)
        stage.sandbox.fault("lose_answer", every=every)
        report = stage.export()
        [fault] = stage.sandbox.control("GET", "/faults")
        stage.sandbox.clear_faults()
        documents, twice, missing = books.count(stage.sandbox, numbers)
    name = f"{len(numbers):,} orders, every {every}th answer lost after the commit ({fault['done']} lost)"
    yield exactly(f"{name}: documents", documents, len(numbers))
    yield exactly("  duplicates", twice, 0)
    yield exactly("  missing", missing, 0)
    yield exactly("  reported as failed", report["failed"], 0)
    yield seconds("  seconds of the flow", report["seconds"])
