"""The same backfill by one, two and four workers, each with one call in flight that takes 200 ms."""

from collections.abc import Iterator
from datetime import date

from tests.benchmarks import books, orders, pool
from tests.benchmarks.bench import Bench
from tests.benchmarks.figures import Figure, at_least, exactly, seconds
from tests.benchmarks.pool import Shared

LATENCY = 0.2
MONTHS = [date(2026, month, 1) for month in (5, 6, 7, 8)]
RANGE = {"date_from": "2026-05-01", "date_to": "2026-08-31", "chunk": "a month"}
# Workers, and how much faster than one they are at least.
WANTED = {2: 1.8, 4: 3.2}


def workers(bench: Bench) -> Iterator[Figure]:
    """Seconds of chunks, of the worker with most of them; the starting of runs excepted."""
    each = 1_000 if bench.quick else 10_000
    numbers = range(each * len(MONTHS))
    took, complete = {}, 0
    for number in (1, *WANTED):
        with bench.stage(f"workers-{number}") as stage, pool.workers(stage, number):
            orders.load(stage.sandbox, numbers, days=MONTHS)
            for system in ("xero", "monstock"):
                stage.sandbox.fault("slow", on=system, every=1, seconds=LATENCY)
            done = pool.backfill(stage, number, **RANGE)
            stage.sandbox.clear_faults()
            took[number] = done.working
            complete += _complete(done, books.count(stage.sandbox, numbers), len(numbers))
    name = f"{len(numbers):,} orders in {len(MONTHS)} chunks, {LATENCY * 1000:.0f} ms a call"
    yield seconds(f"{name}: one worker", took[1])
    for number, wanted in WANTED.items():
        yield at_least(f"  {number} workers: times as fast", took[1] / took[number], wanted, digits=2)
    yield exactly("  backfills with every document once", complete, 1 + len(WANTED))
    yield from _limited(bench)


def _limited(bench: Bench) -> Iterator[Figure]:
    """Four workers under Xero's limits."""
    numbers = range(1_000 if bench.quick else 4_000)
    keep = {"limits = { minute = 0, in_flight = 0, day = 0 }\napi_url": "api_url"}
    with bench.stage("workers-limited", keep) as stage, pool.workers(stage, 4):
        orders.load(stage.sandbox, numbers, days=MONTHS)
        stage.sandbox.settings(limits=True)
        done = pool.backfill(stage, 4, **RANGE)
        refused = sum(stage.sandbox.state()["refused"].values())
        complete = _complete(done, books.count(stage.sandbox, numbers), len(numbers))
    yield exactly(f"  with limits on, {len(numbers):,} orders by four: calls refused", refused, 0)
    yield exactly("    backfills with every document once", complete, 1)


def _complete(done: Shared, found: tuple[int, int, int], wanted: int) -> int:
    if done.state != "Completed":
        raise RuntimeError(f"the backfill ended as {done.state}: {done.message}")
    return found == (wanted, 0, 0)
