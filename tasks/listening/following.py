"""Follows what one system told of, until nothing of it waits: the first at once, what comes meanwhile together."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Protocol

from tasks.connections.connection import Connection
from tasks.ledger.following import Following
from tasks.ledger.told import Side, Told
from tasks.listening.documents import ToldDocuments
from tasks.listening.orders import ToldOrders

# Who has followed something stays for a moment, in seconds: to call another costs more than to look again. Runs end all
# the same, for people to see what was done.
LINGER, LOOK, LONGEST = 1.0, 0.02, 60.0


class Listener(Protocol):
    """Carries over what changed on one side."""

    most: int

    def ready(self) -> None:
        """Wait until our own writes that are under way are answered, so that their echo is known as one."""

    def carry(self, told: Sequence[Told], run_id: str) -> Counter[str]:
        """Read these where they changed, and bring them to the other system. Returns what was done, counted."""


LISTENERS: dict[Side, Callable[[Connection], Listener]] = {
    Side.orders: ToldOrders,
    Side.documents: ToldDocuments,
}


def follow(listener: Listener, following: Following, run_id: str, linger: float = LINGER) -> Counter[str]:
    """Until nothing waits, nor comes for `linger` seconds. What was done is counted.

    An error leaves the events at hand as taken.
    """
    done: Counter[str] = Counter()
    begun = last = time.monotonic()
    while True:
        now = time.monotonic()
        if now - last < linger and now - begun < LONGEST and not following.waits():
            time.sleep(LOOK)
            continue
        until = following.now()
        listener.ready()
        told = following.take(listener.most, until)
        if told is None:
            return done
        if not told:  # what waits came after this look began
            time.sleep(LOOK)
            continue
        done += listener.carry(told, run_id)
        following.end("followed")
        last = time.monotonic()


class Listeners:
    """The listeners of a process; one is kept while its connection's settings stay, for what it has read of Xero."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, Side], tuple[Connection, Listener]] = {}

    def of(self, connection: Connection, side: Side) -> Listener:
        """The listener for a connection's orders or documents."""
        kept = self._kept.get((connection.name, side))
        if kept is None or kept[0] is not connection:
            kept = self._kept[connection.name, side] = connection, LISTENERS[side](connection)
        return kept[1]
