"""One process that follows what the receiver keeps: Prefect's background tasks of `tasks/events.py` run here."""

import logging
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, as_completed, wait

from prefect.settings import PREFECT_API_URL
from prefect.task_worker import serve

from tasks.connections.settings import load
from tasks.domain.errors import MonstockXeroError
from tasks.events import FOLLOWERS
from tasks.ledger.told import Followed, Side
from tasks.listening.echoes import is_news

log = logging.getLogger(__name__)

# A start is done by then, in seconds; else so many are tried.
SOON, STARTS = 0.3, 3
# After a server that went away, in seconds.
PAUSE = 5.0
# One that waits for an answer of Xero's keeps no order from being followed.
_calls = {side: ThreadPoolExecutor(max_workers=4, thread_name_prefix=f"calls for {side}") for side in Side}
_starts = ThreadPoolExecutor(max_workers=8 * STARTS, thread_name_prefix="starts")


class NoServer(MonstockXeroError):
    """Nobody says where the Prefect server is."""


def main() -> None:
    """Wait for what is told of, until it is ended; where the server goes away, until it is there again.

    Runs that wait, for a system that is away or for their turn, leave room for the others. Raises `NoServer`.
    """
    require_server()
    while True:
        try:
            serve(*FOLLOWERS.values(), limit=4 * len(FOLLOWERS) * len(load().connections))
        except Exception as error:
            log.warning("The Prefect server does not answer (%s); it is tried again.", type(error).__name__)
            time.sleep(PAUSE)
        else:
            return


def require_server() -> None:
    """Prefect would else start a server of its own, which nobody else knows. Raises `NoServer`."""
    if not PREFECT_API_URL.value():
        raise NoServer("Set PREFECT_API_URL to the Prefect server's API, such as http://127.0.0.1:4200/api.")


def call(followed: Sequence[Followed]) -> None:
    """Start a background task for each whose events are news; whichever process serves those tasks answers."""
    for one in followed:
        _calls[one.side].submit(_call, one)


def _call(one: Followed) -> None:
    """A call that fails is not lost: what waits is asked for again and again."""
    try:
        if is_news(one):
            _start(one.side)
    except Exception as error:
        why = error if isinstance(error, MonstockXeroError) else type(error).__name__
        log.warning("Nobody could be called to follow the %s of %s: %s", one.side, one.connection, why)


def _start(side: Side) -> None:
    """A server that is busy lets its client wait for seconds: another start may come through, and one too many ends."""
    require_server()
    starts = [_starts.submit(FOLLOWERS[side].delay)]
    while not wait(starts, SOON, FIRST_COMPLETED).done and len(starts) < STARTS:
        starts.append(_starts.submit(FOLLOWERS[side].delay))
    next(as_completed(starts)).result()


if __name__ == "__main__":
    main()
