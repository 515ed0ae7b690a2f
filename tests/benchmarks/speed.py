"""The product beside a bare loop of xero-python, both alternating, for the same documents."""

from collections.abc import Iterator
from statistics import median

from tests.benchmarks import books, orders
from tests.benchmarks.bench import Bench
from tests.benchmarks.figures import Figure, at_most, exactly, seconds


def speed(bench: Bench) -> Iterator[Figure]:
    """Seconds of both, and their ratio. Neither counts the start of its interpreter and its imports."""
    numbers = range(2_000 if bench.quick else 10_000)
    ours, theirs, processor, complete = [], [], [], 0
    rounds = 1 if bench.quick else 3
    for turn in range(rounds):
        with bench.stage(f"bare-{turn}") as stage:
            theirs.append(bench.bare_loop(stage.sandbox.xero_url, len(numbers)))
            complete += books.count(stage.sandbox, numbers) == (len(numbers), 0, 0)
        with bench.stage(f"product-{turn}") as stage:
            orders.load(stage.sandbox, numbers)
            report = stage.export()
            ours.append(report["seconds"])
            processor.append(report["processor"])
            complete += books.count(stage.sandbox, numbers) == (len(numbers), 0, 0)
    name = f"{len(numbers):,} documents, {rounds} rounds in turn"
    yield at_most(
        f"{name}: times the bare loop's seconds (medians)", median(ours) / median(theirs), 4, digits=2
    )
    yield seconds("  export, end to end: median", median(ours))
    yield seconds("    of it on a processor: median", median(processor))
    yield seconds("  bare loop of xero-python, 50 a call: median", median(theirs))
    yield Figure(
        "  ratio round by round", ", ".join(f"{o / t:.2f}" for o, t in zip(ours, theirs, strict=True))
    )
    yield exactly("  rounds with every document once", complete, 2 * rounds)
