"""Our own writes come back as events, often before their answers: nobody is called before it is known what they are."""

import time

from tasks.connections.connection import open_connection
from tasks.ledger.events import is_news as is_unknown
from tasks.ledger.told import Followed

# Looks for the answers to our own writes, in seconds: at each, and in all.
LOOK, PATIENCE = 0.1, 2.0


def is_news(followed: Followed) -> bool:
    """Whether somebody need be called, or what is told of is only an echo of our own writes.

    Where that is not known in time, somebody is: they wait on.
    """
    database, until = open_connection(followed.connection).database, time.monotonic() + PATIENCE
    while (found := is_unknown(database, followed)) is None and time.monotonic() < until:
        time.sleep(LOOK)
    return found is not False
