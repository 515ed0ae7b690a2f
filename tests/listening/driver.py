"""Tells of changes as a receiver does, and follows them as the background tasks do."""

from collections import Counter
from itertools import count
from typing import Any

from tasks.connections.connection import Connection
from tasks.ledger.events import store
from tasks.ledger.following import Following, answer
from tasks.ledger.told import Event, Followed, Side
from tasks.listening.following import Listeners, follow

EVER = "9999"
_ids = count()


class Live:
    """A receiver and a follower in one."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.listeners = Listeners()

    def told(self, side: Side, *ids: str, subject: str = "", changed: str = EVER) -> None:
        """Events arrive."""
        subject = subject or {"orders": "customer", "documents": "INVOICE"}[side.value]
        those = [Event(f"event-{next(_ids)}", side, subject, id_, changed) for id_ in ids]
        store(self.connection.database, [(self.connection.name, event) for event in those])

    def follow(self, side: Side) -> Counter[str]:
        """The run that was called, if somebody was."""
        followed = answer(self.connection.database, side, "live")
        if followed is None:
            return Counter()
        following = Following(self.connection.database, followed, "live")
        return follow(self.listeners.of(self.connection, side), following, "live", linger=0)

    def again(self, side: Side) -> None:
        """What was taken waits again, as after a run that failed."""
        Following(self.connection.database, Followed(self.connection.name, side), "live").call_again(0)

    def orders(self, *ids: str, subject: str = "customer", changed: str = EVER) -> Counter[str]:
        """Orders are told of, and followed."""
        self.told(Side.orders, *ids, subject=subject, changed=changed)
        return self.follow(Side.orders)

    def documents(self, *ids: str, subject: str = "INVOICE", changed: str = EVER) -> Counter[str]:
        """Documents are told of, and followed."""
        self.told(Side.documents, *ids, subject=subject, changed=changed)
        return self.follow(Side.documents)

    def calls(self, sandbox: Any) -> dict[str, int]:
        """Calls to both systems since the last look, by kind."""
        found = {}
        for on in ("xero", "monstock"):
            found |= {
                f"{on} {what}": n for what, n in sandbox.state(on)["calls"].items() if what != "total" and n
            }
            sandbox.control("DELETE", "/calls", on=on)
        return found


def outcomes(live: Live) -> dict[str, str | None]:
    """What became of the events, by order or document."""
    with live.connection.database.engine.connect() as tx:
        found = tx.exec_driver_sql("select subject_id, outcome from events")
        return {row[0]: row[1] for row in found}
