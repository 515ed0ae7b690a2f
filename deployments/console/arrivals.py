"""Keeps events before they are answered: all that arrive during one transaction share the next."""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from threading import Condition, Thread

from sqlalchemy.exc import InterfaceError, OperationalError

from deployments.console.seldom import Seldom
from tasks.domain.errors import LedgerError
from tasks.ledger.told import Event, Followed

Told = tuple[str, Event]
# Of events that wait; a body holds some thousands.
ROOM = 20_000
# A transaction costs more than most of what it carries.
GATHER_SECONDS = 0.004
_AWAY = (OperationalError, InterfaceError, LedgerError)


@dataclass(frozen=True, slots=True)
class _Arrival:
    events: Sequence[Told]
    kept: asyncio.Future[bool]


class Arrivals:
    """A thread that writes. `keep` stores events in one transaction and says for whom somebody is to be called."""

    def __init__(
        self, keep: Callable[[list[Told]], list[Followed]], call: Callable[[list[Followed]], None]
    ) -> None:
        self._keep, self._call = keep, call
        self._changed = Condition()
        self._waiting: list[_Arrival] = []
        self._events = 0
        self._ended = False
        self._rested_at = 0.0
        self._seldom = Seldom(60)
        self._writer = Thread(target=self._write, name="arrivals", daemon=True)
        self._writer.start()

    def put(self, events: Sequence[Told]) -> asyncio.Future[bool]:
        """From the event loop: whether they are in the ledger is known later. False at once where there is no room."""
        kept: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        with self._changed:
            if self._ended or self._events + len(events) > ROOM:
                kept.set_result(False)
                return kept
            self._events += len(events)
            self._waiting.append(_Arrival(events, kept))
            self._changed.notify()
        return kept

    def close(self) -> None:
        """Write what is in hand, then end."""
        with self._changed:
            self._ended = True
            self._changed.notify()
        self._writer.join()

    def _write(self) -> None:
        while batch := self._next():
            self._settle(batch)

    def _next(self) -> list[_Arrival]:
        """All that waits; nothing at the end. While much arrives, a little more is waited for."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._ended)
        time.sleep(max(0.0, self._rested_at - time.monotonic()))
        with self._changed:
            batch, self._waiting, self._events = self._waiting, [], 0
        return batch

    def _settle(self, batch: list[_Arrival]) -> None:
        try:
            followed = self._keep([event for arrival in batch for event in arrival.events])
        except Exception as error:
            if len(batch) > 1 and not isinstance(error, _AWAY):
                for arrival in batch:  # one of them cannot be stored, and the others can
                    self._settle([arrival])
                return
            why = error if isinstance(error, LedgerError) else type(error).__name__
            self._seldom.say(f"Events cannot be stored, and their senders are to try again: {why}")
            _answer(batch, kept=False)
        else:
            _answer(batch, kept=True)
            if followed:
                self._call(followed)
        self._rested_at = time.monotonic() + GATHER_SECONDS


def _answer(batch: list[_Arrival], *, kept: bool) -> None:
    def resolve() -> None:
        for arrival in batch:
            if not arrival.kept.done():  # else whoever waited has given up
                arrival.kept.set_result(kept)

    with suppress(RuntimeError):  # the loop is closed: nobody waits any more
        batch[0].kept.get_loop().call_soon_threadsafe(resolve)
