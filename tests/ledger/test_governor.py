"""The gate over threads and processes, on both databases."""

import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from subprocess import PIPE, Popen

import pytest

from tasks.domain.budget import Heard, Limits, Stop, Work
from tasks.domain.errors import Parked
from tasks.ledger.database import Database
from tasks.ledger.governor import Governor, working

ROOT = Path(__file__).parents[2]
SMALL = Limits(minute=20, in_flight=2, day=100)


class Slow:
    """A clock that runs fast enough for a test: a minute takes a second."""

    SPEED = 60

    def __init__(self) -> None:
        self._begun = time.monotonic()

    def __call__(self) -> float:
        return 1_000_000 + (time.monotonic() - self._begun) * self.SPEED

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds / self.SPEED)


Open = Callable[..., Governor]


@pytest.fixture
def gate(database: Database) -> Open:
    clock = Slow()

    def opened(limits: Limits = SMALL, scope: str = "xero tenant") -> Governor:
        return Governor(database, scope, limits, 6000.0, clock=clock, sleep=clock.sleep)

    return opened


def call(gate: Governor, heard: Heard | None = None) -> float:
    """A call that is answered at once; how long it waited."""
    with gate.call() as turn:
        turn.leaves()
        if heard:
            turn.answered(heard)
    return turn.waited


def test_a_call_that_has_room_does_not_wait(gate: Open) -> None:
    assert call(gate()) < 1


def test_threads_together_keep_the_limits(gate: Open) -> None:
    at_once, most, left, lock = 0, 0, list[float](), threading.Lock()
    one = gate()

    def several(_: int) -> None:
        nonlocal at_once, most
        for _ in range(8):
            with one.call() as turn:
                with lock:
                    at_once += 1
                    most = max(most, at_once)
                    left.append(one._clock())  # type: ignore[misc]
                turn.leaves()
                time.sleep(0.002)
                with lock:
                    at_once -= 1

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(several, range(4)))
    left.sort()
    assert most <= SMALL.in_flight
    assert len(left) == 32
    assert all(b - a >= 60 for a, b in zip(left, left[SMALL.minute :], strict=False))


def test_processes_share_one_budget(database: Database) -> None:
    """40 calls go at once, the rest at two a second."""
    script = (
        "import sys\n"
        "from tasks.ledger.database import Database\n"
        "from tasks.ledger.governor import Governor\n"
        "from tasks.domain.budget import Limits\n"
        "gate = Governor(Database(sys.argv[1]), 'shared', Limits(minute=120, in_flight=3), 60.0)\n"
        "print(flush=True); sys.stdin.read()\n"
        "for _ in range(15):\n"
        "    with gate.call() as turn: turn.leaves()\n"
    )
    url = database.engine.url.render_as_string(hide_password=False)
    with ExitStack() as stack:
        command = [sys.executable, "-c", script, url]
        callers = [stack.enter_context(Popen(command, cwd=ROOT, stdin=PIPE, stdout=PIPE)) for _ in range(3)]
        for caller in callers:
            assert caller.stdout
            caller.stdout.readline()
        for caller in callers:
            assert caller.stdin
            caller.stdin.close()
        assert [caller.wait() for caller in callers] == [0] * 3
    with Governor(database, "shared", Limits(), 60.0)._changing() as (budget, _):
        assert len(budget.ended) == 45
        assert budget.flying == budget.waiting == {}


def test_scopes_do_not_know_each_other(gate: Open) -> None:
    call(gate(scope="xero one"), Heard(refused="day", wait=3600))
    call(gate(scope="xero two"))
    with pytest.raises(Parked):
        call(gate(scope="xero one"))


def test_a_used_up_day_parks_every_process_at_once_and_says_until_when(gate: Open) -> None:
    call(gate(), Heard(refused="day", wait=3600))
    begun = time.monotonic()
    with pytest.raises(Parked, match="used up until") as parked:
        call(gate())
    assert time.monotonic() - begun < 1
    assert parked.value.resumes_at.timestamp() == pytest.approx(1_003_600, abs=30)


def test_backfill_is_parked_where_daily_work_goes_on(gate: Open) -> None:
    call(gate(), Heard(day_left=99))
    call(gate(), Heard(day_left=20))
    with working(Work.backfill), pytest.raises(Parked, match="Backfill leaves 20% of the day's 100 calls"):
        call(gate())
    with working(Work.backfill):
        assert isinstance(gate().today().stop, Stop)
    assert (gate().today().calls, gate().today().left, gate().today().stop) == (100, 20, None)
    call(gate())


def test_a_call_that_fails_before_it_leaves_gives_its_turn_back(gate: Open) -> None:
    def broken() -> None:
        with gate().call():
            raise RuntimeError

    for _ in range(3 * SMALL.minute):
        with pytest.raises(RuntimeError):
            broken()
    assert call(gate()) < 1


def test_who_waits_is_called_meanwhile_and_may_stop(gate: Open) -> None:
    for _ in range(SMALL.minute // 2):
        call(gate())

    def lost() -> None:
        raise InterruptedError

    one = gate()
    with pytest.raises(InterruptedError), one.call(lost):
        pass
    with one._changing() as (budget, _):
        assert budget.waiting == {}


def test_one_that_is_interrupted_in_line_leaves_it(gate: Open) -> None:
    for _ in range(SMALL.minute // 2):
        call(gate())
    one = gate()

    def interrupted(_: float) -> None:
        raise KeyboardInterrupt

    one._sleep = interrupted
    with pytest.raises(KeyboardInterrupt):
        call(one)
    with one._changing() as (budget, _):
        assert budget.waiting == {}
