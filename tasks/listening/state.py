"""Says of a connection whether both systems still tell of changes, and whether those are followed."""

from collections.abc import Iterator

from tasks.connections.connection import Connection
from tasks.connections.settings import load
from tasks.connections.webhooks import told_of
from tasks.exporting.checking import Check
from tasks.ledger.events import KEPT
from tasks.ledger.heard import Heard, heard
from tasks.ledger.told import Followed, Side

_SYSTEM = {Side.orders: "Monstock", Side.documents: "Xero"}
_PLACE = {Side.orders: "monstock.webhook_secret", Side.documents: "xero.webhook_key"}


def state(connection: Connection) -> Iterator[Check]:
    """One line for each system whose webhooks are taken."""
    for side in told_of(load(), connection.name):
        found = heard(connection.database, Followed(connection.name, side))
        holds = not (found.alone or found.rests_until or found.missed)
        place = f"connections.{connection.name}.{_PLACE[side]}"
        yield Check(place, holds, " ".join(_sentences(found, side)))


def _sentences(found: Heard, side: Side) -> Iterator[str]:
    last = f"at {found.last:%Y-%m-%d %H:%M} UTC" if found.last else f"over {KEPT.days} days ago, if ever"
    yield f"The last event came {last}."
    if found.missed:
        yield (
            f"Since then polls found {found.missed:,} {side} that changed in {_SYSTEM[side]}: "
            "does it still send webhooks, and do they arrive?"
        )
    if found.oldest:
        yield f"{found.waiting:,} wait or are being followed, the oldest since {found.oldest:%Y-%m-%d %H:%M} UTC."
    if found.rests_until:
        yield f"Nobody follows them until {found.rests_until:%H:%M} UTC: {found.why}"
    if found.alone:
        yield "Nobody follows them: do `monstock-xero receive` and `monstock-xero follow` run?"
