"""The comparison of a whole night over a real ledger: a year of orders, links, documents and what Monstock shows."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

from tasks.ledger.database import Database
from tests.benchmarks import a_year
from tests.benchmarks.a_night import STAGES
from tests.benchmarks.bench import Bench
from tests.benchmarks.figures import Figure, at_most, exactly, seconds
from tests.benchmarks.stage import ROOT
from tests.postgres import NoPostgres, fresh_database, server

# A process's peak, of which SQLAlchemy, pandas and Arrow take some 200 MB before anything is read.
MEMORY_MB = 1_500
# Ten times as many orders may take a tenth more than ten times as long.
LINEAR = 11
ROUNDS = 3

Report = dict[str, Any]


def night(bench: Bench) -> Iterator[Figure]:
    """Seconds by stage, memory, and whether what was found is what was planted, on SQLite and on Postgres."""
    whole, tenth = (20_000, 2_000) if bench.quick else (1_000_000, 100_000)
    rounds = 1 if bench.quick else ROUNDS
    bench.folder.mkdir(parents=True, exist_ok=True)
    small = _compared(bench.folder / "tenth", _file(bench, "tenth"), tenth, rounds)
    large = _compared(bench.folder / "whole", _file(bench, "whole"), whole, rounds)
    yield from _figures("SQLite", tenth, *small)
    yield from _figures("SQLite", whole, *large)
    if not bench.quick:
        ratio = _median(large[1], "seconds") / _median(small[1], "seconds")
        yield at_most(f"{whole:,} by {tenth:,} orders: seconds (medians)", ratio, LINEAR, digits=1)
    size = tenth if bench.quick else whole
    with ExitStack() as held:
        try:
            address = held.enter_context(fresh_database(held.enter_context(server())))
        except NoPostgres as reason:
            yield Figure("Postgres", str(reason))
            return
        yield from _figures("Postgres", size, *_compared(bench.folder / "postgres", address, size, 1))


def _compared(
    folder: Path, address: str, orders: int, rounds: int
) -> tuple[dict[str, int], list[Report], Report]:
    """What was planted, each round over the year, and the night to which nobody said what to look at."""
    folder.mkdir(exist_ok=True)
    database = Database(address)
    planted = a_year.fill(database, orders)
    database.close()
    try:
        return (
            planted,
            [_run(folder, address) for _ in range(rounds)],
            _run(folder, address, "lately"),
        )
    finally:
        if not address.startswith("postgres"):
            shutil.rmtree(Path(address.removeprefix("sqlite:///")).parent)


def _figures(
    name: str, orders: int, planted: dict[str, int], rounds: list[Report], lately: Report
) -> Iterator[Figure]:
    title = f"{name}, {orders:,} orders"
    one = rounds[0]
    yield Figure(title, f"{one['documents']:,} documents, in {one['parts']} parts")
    yield at_most("  peak memory of the process", max(r["peak_mb"] for r in rounds), MEMORY_MB, " MB")
    complete = sum(each["found"] == planted for each in rounds)
    yield exactly(f"  rounds that found just the {sum(planted.values()):,} planted", complete, len(rounds))
    yield exactly("  orders that were compared", one["orders"], orders)
    yield seconds(f"  seconds (median of {len(rounds)})", _median(rounds, "seconds"))
    for stage in STAGES:
        yield seconds(f"    {stage}", _median(rounds, stage))
    yield seconds(
        f"  seconds of what is open and what changed lately ({lately['orders']:,})", lately["seconds"]
    )


def _file(bench: Bench, name: str) -> str:
    folder = bench.folder / name / "ledger"
    folder.mkdir(parents=True)
    return f"sqlite:///{folder / 'ledger.db'}"


def _run(folder: Path, address: str, *window: str) -> Report:
    """One comparison in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.a_night", *window]
    environment = {**os.environ, "LEDGER_URL": address, "MONSTOCK_XERO_KEY_FILE": str(folder / "key")}
    environment.pop("MONSTOCK_XERO_CONFIG", None)
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"the comparison ended with {done.returncode}: {done.stderr[-2000:]}")
    report: Report = json.loads(done.stdout.splitlines()[-1])
    return report


def _median(reports: list[Report], key: str) -> float:
    return float(median(report[key] for report in reports))
