"""Killed with SIGKILL at random moments, started again: nothing twice, nothing missing."""

import random
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing

from tests.benchmarks import books, orders
from tests.benchmarks.bench import Bench
from tests.benchmarks.figures import Figure, exactly, seconds
from tests.benchmarks.stage import Stage

# A lease as short as the slowest answer allows, so that whoever comes next need not wait long for it.
HEAD = "[connections.sandbox]\n"
SHORT = {HEAD: f"{HEAD}request_timeout = 2.0\nlease_seconds = 2.5\n"}
# Each start finds so many new orders, each of a customer of its own: all is to do, reading, planning, both writings.
ORDERS_A_START = 200
# What was left by those that were killed takes longer than the first, undisturbed run.
LONGER = 1.3
SEED = 20_261


def kills(bench: Bench) -> Iterator[Figure]:
    """As many kills as are wanted; where they struck is shown."""
    wanted = 5 if bench.quick else 50
    begun = time.perf_counter()
    with bench.stage("kills", SHORT) as stage:
        struck, numbers = kill_and_restart(stage, wanted)
        documents, twice, missing = books.count(stage.sandbox, numbers)
    name = f"killed with SIGKILL at {struck.total()} random moments, {len(numbers):,} orders"
    yield exactly(f"{name}: duplicates", twice, 0)
    yield exactly("  missing", missing, 0)
    yield exactly("  documents", documents, len(numbers))
    for moment, times in sorted(struck.items()):
        yield Figure(f"  struck {moment[2:]}", f"{times}")
    yield seconds("  seconds of the whole benchmark", time.perf_counter() - begun)


def kill_and_restart(stage: Stage, wanted: int, each: int = ORDERS_A_START) -> tuple[Counter[str], range]:
    """Kill exporters until `wanted` were struck, then let one end. Returns where they were struck, and the orders.

    Before each start there are `each` new orders.
    """
    dice = random.Random(SEED)
    struck: Counter[str] = Counter()
    numbers = _more(stage, range(0), each)
    whole = stage.export()["seconds"]
    while struck.total() < wanted:
        numbers = _more(stage, numbers, each)
        if moment := _strike(stage, dice.uniform(0, LONGER * whole)):
            struck[moment] += 1
    stage.export()
    return struck, numbers


def _more(stage: Stage, numbers: range, each: int) -> range:
    fresh = range(numbers.stop, numbers.stop + each)
    orders.load(stage.sandbox, fresh, customers=fresh.stop)
    return range(fresh.stop)


def _strike(stage: Stage, after: float) -> str | None:
    """Kill an exporter so many seconds after its flow began; None if it was done by then."""
    before = _calls(stage)
    with stage.start_export() as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(after)
        ended = process.poll()
        process.kill()
    if ended is not None:
        if ended != 0:
            raise RuntimeError(f"the exporter ended with {ended}: {stage.log.read_text()[-2000:]}")
        return None
    return _moment(_calls(stage) - before) + (", a request under way" if _open_attempts(stage) else "")


def _calls(stage: Stage) -> Counter[str]:
    xero, monstock = (stage.sandbox.state(on)["calls"] for on in ("xero", "monstock"))
    return Counter({**xero, **monstock, "monstock": monstock["total"]})


def _moment(calls: Counter[str]) -> str:
    """What an exporter was at, by the calls that it had made."""
    if not calls["monstock"]:
        return "1 while recovering" if calls["PUT /Contacts"] + calls["PUT /Invoices"] else "0 while starting"
    if calls["PUT /Invoices"]:
        return "4 while writing documents"
    return "3 while writing contacts" if calls["PUT /Contacts"] else "2 while reading and planning"


def _open_attempts(stage: Stage) -> int:
    with closing(sqlite3.connect(stage.ledger)) as ledger:
        return int(ledger.execute("select count(*) from attempts where state <> 'closed'").fetchone()[0])
