"""The receiver alone, on a grown ledger: a thousand signed events a second beside whoever sends them, and killed in
the middle.
"""

import json
import os
import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from statistics import quantiles
from typing import Any
from uuid import uuid4

from sqlalchemy import func, select, update

from tasks.connections.settings import SANDBOX_FILE
from tasks.ledger.database import Database
from tasks.ledger.events import store
from tasks.ledger.schema import accounting, documents, links
from tasks.ledger.told import Event, Side
from tests.benchmarks import a_year
from tests.benchmarks.bench import Bench
from tests.benchmarks.figures import Figure, at_least, at_most, exactly
from tests.console.served import ROOT, process

# A little more than what is wanted, for what is sent in the last moment is answered after it.
RATE, WANTED = 1_050, 1_000
ORDERS = 100_000
SEED = 20_261
# Events in a transaction, and how often each is tried.
BATCHES, LOOKS = (1, 20, 100), 30


def receiver(bench: Bench) -> Iterator[Figure]:
    """Its speed, then its kills, on one ledger in SQLite, whose orders are all still to be shown in Monstock."""
    seconds, kills = (3, 3) if bench.quick else (20, 20)
    bench.folder.mkdir(parents=True)
    ledger = bench.folder / "ledger.db"
    linked = _grown(ledger)
    yield Figure("the ledger's links", f"{linked:,}", f"at least {ORDERS:,}", linked >= ORDERS)
    yield from _stored(ledger)
    sent = _steady(bench.folder, ledger, seconds)
    taken = sorted(sent["taken"])
    yield at_least(
        f"receiver, {RATE:,} signed events sent a second for {seconds} s: answered a second",
        len(taken) / sent["seconds"],
        WANTED,
    )
    yield at_most("  99 of 100 answered within", quantiles(taken, n=100)[98] * 1000, 50, " ms", 1)
    yield Figure("  half of them within", f"{taken[len(taken) // 2] * 1000:,.1f} ms")
    yield Figure("  the slowest", f"{taken[-1] * 1000:,.1f} ms")
    yield exactly("  refused", sent["refused"], 0)
    answered = sent["answered"] + _killed(bench.folder, ledger, kills)
    yield exactly(
        f"killed with SIGKILL {kills} times; lost of {len(answered):,} that were answered",
        len(set(answered) - _kept(ledger)),
        0,
    )


def _grown(ledger: Path) -> int:
    """A year of orders and documents. Returns how many links there are."""
    with closing(Database(f"sqlite:///{ledger}")) as database:
        a_year.fill(database, ORDERS * 21 // 20)  # some have no document
        with database.begin() as tx:
            tx.execute(update(accounting).values(due=1))
            return tx.execute(select(func.count()).select_from(links)).scalar_one()


def _stored(ledger: Path) -> Iterator[Figure]:
    """How long so many events take at once, of documents that are known and have changed since."""
    with closing(Database(f"sqlite:///{ledger}")) as database, database.engine.connect() as tx:
        those = tx.execute(select(documents.c.document_id).limit(LOOKS * max(BATCHES))).scalars().all()
        for size in BATCHES:
            took = sorted(_seconds(database, those[at * size : (at + 1) * size]) for at in range(LOOKS))
            middle, longest = (f"{seconds * 1000:,.1f} ms" for seconds in (took[LOOKS // 2], took[-1]))
            yield Figure(f"  {size} events stored at once", f"{middle}, at the most {longest}")


def _seconds(database: Database, those: Sequence[str]) -> float:
    changed = (
        "2025-01-01T00:00:00.000+00:00"  # before it was read: what is known is looked for in every place
    )
    told = [
        (a_year.CONNECTION, Event(str(uuid4()), Side.documents, "INVOICE", id_, changed)) for id_ in those
    ]
    begun = time.perf_counter()
    store(database, told)
    return time.perf_counter() - begun


def _steady(folder: Path, ledger: Path, seconds: float) -> Any:
    with process(folder, "tests.benchmarks.taker", _environment(ledger)) as (_, url):
        return _ended(_sender(url, seconds))


def _killed(folder: Path, ledger: Path, kills: int) -> list[str]:
    """What was answered by receivers that were killed while more was sent."""
    dice = random.Random(SEED)
    answered: list[str] = []
    while kills:
        with process(folder, "tests.benchmarks.taker", _environment(ledger)) as (taker, url):
            sender = _sender(url, 5)
            time.sleep(dice.uniform(0.1, 2))
            taker.kill()
            answered += _ended(sender)["answered"]
        kills -= 1
    return answered


def _sender(url: str, seconds: float) -> subprocess.Popen[str]:
    """One that sends from now on."""
    command = [sys.executable, "-m", "tests.benchmarks.sender", url, str(RATE), str(seconds)]
    sender = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert sender.stdout
    sender.stdout.readline()
    return sender


def _ended(sender: subprocess.Popen[str]) -> Any:
    said, _ = sender.communicate()
    if sender.returncode != 0:
        raise RuntimeError(f"the sender ended with {sender.returncode}")
    return json.loads(said)


def _kept(ledger: Path) -> set[str]:
    with closing(sqlite3.connect(ledger)) as opened:
        return {row[0] for row in opened.execute("select subject_id from events")}


def _environment(ledger: Path) -> dict[str, str]:
    return os.environ | {"LEDGER_URL": f"sqlite:///{ledger}", "MONSTOCK_XERO_CONFIG": str(SANDBOX_FILE)}
