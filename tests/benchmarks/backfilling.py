"""A year of orders as a backfill by months, beside the plain export of the same orders."""

import re
from collections.abc import Iterator
from datetime import date

from tests.benchmarks import books, orders, pool
from tests.benchmarks.bench import Bench
from tests.benchmarks.figures import Figure, at_most, exactly, seconds

MONTHS = [date(2025, month, 1) for month in range(1, 13)]
RANGE = {"date_from": "2025-01-01", "date_to": "2025-12-31", "chunk": "a month"}
EARLIER = {"export_from = 2026-01-01": "export_from = 2025-01-01"}
WORKERS = 2


def backfilling(bench: Bench) -> Iterator[Figure]:
    """Calls beside the forecast's, and seconds beside the plain export's; the starting of runs excepted."""
    numbers = range(12_000 if bench.quick else 120_000)
    with bench.stage("year-plain", EARLIER) as stage:
        orders.load(stage.sandbox, numbers, days=MONTHS)
        plain = stage.export()
        complete = books.count(stage.sandbox, numbers, MONTHS) == (len(numbers), 0, 0)
    with bench.stage("year-backfill", EARLIER) as stage, pool.workers(stage, WORKERS):
        orders.load(stage.sandbox, numbers, days=MONTHS)
        done = pool.backfill(stage, WORKERS, **RANGE)
        complete += books.count(stage.sandbox, numbers, MONTHS) == (len(numbers), 0, 0)
    if done.state != "Completed":
        raise RuntimeError(f"the backfill ended as {done.state}: {done.message}")
    used, foreseen = _calls(done.message)
    name = f"{len(numbers):,} orders in {done.chunks} chunks by {WORKERS} workers"
    off = abs(used - foreseen) / foreseen
    yield at_most(f"{name}: calls beside the forecast's, off by", 100 * off, 2, " %", digits=2)
    yield Figure(
        "  calls of chunks, forecast, all with the forecast's own", f"{used:,}, {foreseen:,}, {done.calls:,}"
    )
    times = (done.foreseeing + done.working) / plain["seconds"]
    yield at_most("  times the plain export's seconds", times, 1.3, digits=2)
    yield seconds("    its forecast", done.foreseeing)
    yield seconds("    its chunks", done.working)
    yield seconds("    plain export", plain["seconds"])
    yield exactly("  both with every document once", complete, 2)


def _calls(message: str) -> tuple[int, int]:
    """Used and foreseen, as the run's own last words tell them."""
    found = re.search(r"([\d,]+) of ([\d,]+) calls", message)
    assert found, message
    used, foreseen = (int(text.replace(",", "")) for text in found.groups())
    return used, foreseen
