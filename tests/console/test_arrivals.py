"""What arrives during one transaction shares the next; each learns whether it is kept."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from contextlib import closing
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from deployments.console import arrivals
from deployments.console.arrivals import Arrivals, Told
from tasks.domain.errors import OtherSchema
from tasks.ledger.told import Event, Followed, Side

FOLLOWED = Followed("sandbox", Side.orders)


def told(number: int) -> Told:
    return "sandbox", Event(f"msg-{number}", Side.orders, "customer", f"co-{number}", "2026-11-30")


class Ledger:
    """Keeps events in batches, once it may. `broken` are numbers that cannot be stored."""

    def __init__(self, *broken: int, error: Exception | None = None) -> None:
        self.batches: list[list[str]] = []
        self.calls: list[Followed] = []
        self.entered, self.may = threading.Event(), threading.Event()
        self._broken = {told(number)[1].id for number in broken}
        self._error = error

    def keep(self, events: list[Told]) -> list[Followed]:
        self.entered.set()
        assert self.may.wait(20)
        ids = [event.id for _, event in events]
        self.batches.append(ids)
        if self._error is not None:
            raise self._error
        if self._broken & set(ids):
            raise ValueError("NUL")
        return [FOLLOWED]


async def all_at_once(ledger: Ledger, writer: Arrivals, numbers: range) -> list[bool]:
    """The first is being written while the others come."""
    first, *rest = numbers
    kept = [writer.put([told(first)])]
    await asyncio.to_thread(ledger.entered.wait, 20)
    kept += [writer.put([told(number)]) for number in rest]
    ledger.may.set()
    return await asyncio.wait_for(asyncio.gather(*kept), 20)


def run(ledger: Ledger, work: Callable[[Arrivals], Coroutine[Any, Any, Any]]) -> Any:
    with closing(Arrivals(ledger.keep, ledger.calls.extend)) as writer:
        return asyncio.run(work(writer))


def test_what_arrives_meanwhile_is_one_transaction() -> None:
    ledger = Ledger()
    assert run(ledger, lambda writer: all_at_once(ledger, writer, range(50))) == [True] * 50
    assert [len(batch) for batch in ledger.batches] == [1, 49]
    assert ledger.calls == [FOLLOWED, FOLLOWED]


def test_one_that_cannot_be_stored_does_not_hold_up_the_others() -> None:
    ledger = Ledger(7)
    kept = run(ledger, lambda writer: all_at_once(ledger, writer, range(10)))
    assert kept == [number != 7 for number in range(10)]


def test_while_the_ledger_is_away_none_is_kept_and_it_is_not_asked_for_each() -> None:
    ledger = Ledger(error=OperationalError("insert", {}, Exception("locked")))
    assert run(ledger, lambda writer: all_at_once(ledger, writer, range(50))) == [False] * 50
    assert len(ledger.batches) == 2
    assert ledger.calls == []


def test_a_ledger_of_another_version_is_told_with_what_to_do_and_not_asked_for_each(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ledger = Ledger(error=OtherSchema("A newer version has made it.", older=False))
    assert run(ledger, lambda writer: all_at_once(ledger, writer, range(50))) == [False] * 50
    assert len(ledger.batches) == 2
    assert caplog.messages == [
        "Events cannot be stored, and their senders are to try again: A newer version has made it."
    ]


def test_beyond_the_room_it_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrivals, "ROOM", 3)
    ledger = Ledger()
    kept = run(ledger, lambda writer: all_at_once(ledger, writer, range(6)))
    assert kept == [True, True, True, True, False, False]


def test_at_the_end_what_is_in_hand_is_written_and_nothing_more_is_taken() -> None:
    ledger = Ledger()

    async def work() -> list[bool]:
        writer = Arrivals(ledger.keep, ledger.calls.extend)
        kept = [writer.put([told(number)]) for number in range(5)]
        ending = asyncio.create_task(asyncio.to_thread(writer.close))
        ledger.may.set()
        await ending
        return [*await asyncio.gather(*kept), await writer.put([told(9)])]

    assert asyncio.run(work()) == [True] * 5 + [False]
    assert sum(map(len, ledger.batches)) == 5


def test_whoever_has_given_up_is_kept_all_the_same() -> None:
    ledger = Ledger()

    async def work(writer: Arrivals) -> bool:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(writer.put([told(1)]), 0.01)
        ledger.may.set()
        return await writer.put([told(2)])

    assert run(ledger, work) is True
    assert [id_ for batch in ledger.batches for id_ in batch] == ["msg-1", "msg-2"]
