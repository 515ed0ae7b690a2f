"""Follows what one system told of, until nothing of it waits: the first at once, what comes meanwhile together."""

import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Protocol

from tasks.connections.connection import Connection
from tasks.domain.errors import NotAuthorised, Offline, Throttled, Transient
from tasks.ledger.following import Following
from tasks.ledger.told import LEFT, Followed, Side, Told
from tasks.listening.apart import Carried
from tasks.listening.documents import ToldDocuments
from tasks.listening.orders import ToldOrders

log = logging.getLogger(__name__)

# Who has followed something stays for a moment, in seconds: to call another costs more than to look again. Runs end all
# the same, for people to see what was done.
LINGER, LOOK, LONGEST = 1.0, 0.02, 60.0
# Where all that waits may be echoes of our own writes, looks for their answers come less and less often.
SELDOM = 0.25


class Listener(Protocol):
    """Carries over what changed on one side."""

    most: int

    def carry(self, told: Sequence[Told], run_id: str) -> Carried:
        """Read these where they changed, and bring them to the other system; what one of them does keeps no other."""


LISTENERS: dict[Side, Callable[[Connection], Listener]] = {
    Side.orders: ToldOrders,
    Side.documents: ToldDocuments,
}


def follow(
    listener: Listener, following: Following, run_id: str, linger: float = LINGER, *, again: bool = True
) -> Counter[str]:
    """Until nothing waits, nor comes for `linger` seconds. What was done is counted.

    An error leaves the events at hand as taken; `again`: the run is tried again then.
    """
    done: Counter[str] = Counter()
    begun = last = time.monotonic()
    pause = LOOK
    while True:
        now = time.monotonic()
        if now - last < linger and now - begun < LONGEST and not following.waits():
            time.sleep(LOOK)
            continue
        told = following.take(listener.most)
        if told is None:
            return done
        if not told:  # what waits may be echoes of our own writes
            time.sleep(pause)
            pause = min(2 * pause, SELDOM)
            continue
        carried = listener.carry(told, run_id)
        if away := _away(carried, told, again):
            raise away
        _say_if_forbidden(carried, told, following.followed)
        for one, error in carried.left.items():
            following.end(f"{LEFT}: {error}", [one])
        following.end("followed")
        done += carried.done + Counter({LEFT: len(carried.left)})
        last, pause = time.monotonic(), LOOK


def _away(carried: Carried, told: Sequence[Told], again: bool) -> Transient | None:
    """Why nothing could be carried over, where it is worth another try, or nobody could be reached at all.

    Else it may be the fault of what was told of, and is no reason to follow nothing else.
    """
    silent = [error for error in carried.left.values() if isinstance(error, Transient)]
    if len(carried.left) < len(told) or not silent:
        return None
    return silent[-1] if again or isinstance(silent[-1], Offline | Throttled) else None


def _say_if_forbidden(carried: Carried, told: Sequence[Told], followed: Followed) -> None:
    """Where all is refused, a scope or a permission may be missing, which a person must see to."""
    refused = [error for error in carried.left.values() if isinstance(error, NotAuthorised)]
    if len(refused) == len(told):
        log.warning(
            "Nothing that was told of the %s of %s could be followed, and all %s are %s: %s",
            followed.side,
            followed.connection,
            len(told),
            LEFT,
            refused[-1],
        )


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
