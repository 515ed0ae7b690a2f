"""Workers that want the same orders at the same moment."""

import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from subprocess import PIPE, Popen

from tasks.ledger.attempts import Attempt
from tasks.ledger.database import Database
from tests.ledger.given import attempts, claim, store
from tests.ledger.racer import ORDERS, race

ROOT = Path(__file__).parents[2]


def test_threads_never_claim_an_order_twice_nor_leave_one_out(database: Database) -> None:
    with ThreadPoolExecutor(4) as pool:
        got = list(pool.map(lambda seed: race(database, seed), range(4)))
    assert Counter(n for ids in got for n in ids) == Counter(str(n) for n in range(ORDERS))


def test_processes_never_claim_an_order_twice_nor_leave_one_out(database: Database) -> None:
    url = database.engine.url.render_as_string(hide_password=False)
    got: list[str] = []
    with ExitStack() as racers:
        started = [
            racers.enter_context(
                Popen(
                    [sys.executable, "-m", "tests.ledger.racer", url, seed], cwd=ROOT, stdin=PIPE, stdout=PIPE
                )
            )
            for seed in "123"
        ]
        for racer in started:
            assert racer.stdout
            racer.stdout.readline()
        for racer in started:
            assert racer.stdin
            racer.stdin.close()
        for racer in started:
            assert racer.stdout
            got += racer.stdout.read().decode().split()
    assert Counter(got) == Counter(str(n) for n in range(ORDERS))


def test_of_threads_that_take_an_attempt_over_one_succeeds(database: Database) -> None:
    first = store(attempts(database, timedelta(seconds=-1)), claim())
    assert first is not None

    def take(_: int) -> Attempt | None:
        return attempts(database).take_over(first)

    with ThreadPoolExecutor(4) as pool:
        assert sum(taken is not None for taken in pool.map(take, range(4))) == 1
