"""Our own writes come back as events, often before their answers: what is still to be heard is waited for."""

import time

from tasks.connections.connection import Connection, open_connection
from tasks.ledger.events import is_news as is_unknown
from tasks.ledger.told import Followed, Side

# Looks for the answers to our own writes, in seconds: at each, and in all.
LOOK, PATIENCE = 0.02, 2.0


def hear_answers(connection: Connection) -> None:
    """Wait for the answers to writes that are on their way now: what Xero tells of them is known then."""
    under_way = connection.attempts.on_their_way()
    until = time.monotonic() + PATIENCE
    while under_way and time.monotonic() < until:
        time.sleep(LOOK)
        under_way &= connection.attempts.on_their_way()


def is_news(followed: Followed) -> bool:
    """Whether somebody need be called, or what is told of is only an echo of our own writes."""
    connection = open_connection(followed.connection)
    if followed.side is Side.documents:
        hear_answers(connection)
    return is_unknown(connection.database, followed)
