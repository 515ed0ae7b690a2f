"""One process that follows what the receiver keeps: Prefect's background tasks of `tasks/events.py` run here."""

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from prefect.task_worker import serve

from tasks.connections.settings import load
from tasks.events import FOLLOWERS
from tasks.ledger.events import Followed
from tasks.listening.echoes import is_news

log = logging.getLogger(__name__)

# Of a receiver: one that waits for an answer of Xero's keeps no other from being made.
_calls = ThreadPoolExecutor(max_workers=4, thread_name_prefix="calls")


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
            FOLLOWERS[one.side].delay()
    except Exception as error:
        log.warning("Nobody could be called to follow the %s of %s: %s", one.side, one.connection, error)


if __name__ == "__main__":
    main()
