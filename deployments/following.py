"""One process that follows what the receiver keeps: Prefect's background tasks of `tasks/events.py` run here."""

import logging
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, as_completed, wait

from prefect.task_worker import serve

from tasks.connections.settings import load
from tasks.events import FOLLOWERS
from tasks.ledger.events import Followed, Side
from tasks.listening.echoes import is_news

log = logging.getLogger(__name__)

# A start is done by then, in seconds; else so many are tried.
SOON, STARTS = 0.3, 3

# Of a receiver: one that waits for an answer of Xero's keeps no other from being made.
_calls = ThreadPoolExecutor(max_workers=4, thread_name_prefix="calls")
_starts = ThreadPoolExecutor(max_workers=4 * STARTS, thread_name_prefix="starts")


def main() -> None:
    """Wait for what is told of, until it is ended. No connection waits for another: there is room for all at once."""
    serve(*FOLLOWERS.values(), limit=len(FOLLOWERS) * len(load().connections))


def call(followed: Sequence[Followed]) -> None:
    """Start a background task for each whose events are news; whichever process serves those tasks answers."""
    for one in followed:
        _calls.submit(_call, one)


def _call(one: Followed) -> None:
    """A call that fails is not lost: what waits is asked for again and again."""
    try:
        if is_news(one):
            _start(one.side)
    except Exception as error:
        log.warning("Nobody could be called to follow the %s of %s: %s", one.side, one.connection, error)


def _start(side: Side) -> None:
    """A server that is busy lets its client wait for seconds: another start may come through, and one too many ends."""
    starts = [_starts.submit(FOLLOWERS[side].delay)]
    while not wait(starts, SOON, FIRST_COMPLETED).done and len(starts) < STARTS:
        starts.append(_starts.submit(FOLLOWERS[side].delay))
    next(as_completed(starts)).result()


if __name__ == "__main__":
    main()
