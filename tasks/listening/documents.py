"""Documents that Xero told of: read there, joined to their orders, and shown on them in Monstock."""

from collections import Counter
from collections.abc import Sequence

from tasks.connections.connection import Connection
from tasks.importing.listing import AGAIN, SINGLY, read_by_id
from tasks.importing.owning import Owning
from tasks.ledger.told import Told
from tasks.listening.echoes import hear_answers
from tasks.listening.showing import shown_at_once
from tasks.xero.endpoints import CREDIT_NOTES, INVOICES, OVERPAYMENTS, PREPAYMENTS, Endpoint

# What Xero tells of, by its categories. It tells nothing of purchase orders and payments.
CATEGORIES = {
    "INVOICE": INVOICES,
    "CREDITNOTE": CREDIT_NOTES,
    "OVERPAYMENT": OVERPAYMENTS,
    "PREPAYMENT": PREPAYMENTS,
}


class ToldDocuments:
    """The documents of one connection; `most` at once fill one step of readings by id."""

    most = AGAIN

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def ready(self) -> None:
        """Xero tells of our own writes, too."""
        hear_answers(self._connection)

    def carry(self, told: Sequence[Told], run_id: str) -> Counter[str]:
        """Read these documents, find out whose they are, and show them."""
        connection = self._connection
        ids: list[str] = []
        for category, endpoint in CATEGORIES.items():
            ids += self._read(endpoint, [one.subject_id for one in told if one.subject == category])
        owning = Owning(connection, ids)
        while not owning.done:
            owning.step(run_id)
        return Counter({"documents read": len(ids)}) + shown_at_once(
            connection, connection.shown.orders_of(ids), run_id
        )

    def _read(self, endpoint: Endpoint, ids: Sequence[str]) -> list[str]:
        """By id. A credit also changes invoices, of which nobody may tell. Returns all that was read."""
        connection, seen = self._connection, list(ids)
        size = AGAIN if endpoint is INVOICES else SINGLY
        for start in range(0, len(ids), size):
            step = read_by_id(connection, endpoint, ids[start : start + size])
            changed = sorted({id_ for target, id_ in step.targets if target is INVOICES} - set(seen))
            if changed:
                seen += self._read(INVOICES, changed)
        return seen
