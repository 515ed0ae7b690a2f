"""Documents that Xero told of: read there, joined to their orders, and shown on them in Monstock."""

from collections import Counter
from collections.abc import Mapping, Sequence

from tasks.connections.connection import Connection
from tasks.domain.errors import NoAnswer, Refused, ServerFault
from tasks.exporting.sending import chunks
from tasks.importing.listing import AGAIN, read_by_id
from tasks.importing.owning import Owning
from tasks.ledger.told import Told
from tasks.listening.apart import Apart, Carried
from tasks.listening.showing import shown_at_once
from tasks.xero.client import IDS_A_CALL
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

    def carry(self, told: Sequence[Told], run_id: str) -> Carried:
        """Read these documents, find out whose they are, and show them."""
        connection, reading = self._connection, _Reading(self._connection)
        for category, endpoint in CATEGORIES.items():
            reading.read(endpoint, {one.subject_id: one for one in told if one.subject == category})
        ids = list(reading.seen)
        owning = Owning(connection, ids)
        while not owning.done:
            owning.step(run_id)
        shown, failed = shown_at_once(connection, connection.shown.orders_of(ids), run_id)
        left = dict(reading.apart.left)
        for id_ in ids if failed else ():
            for key in failed.keys() & set(connection.shown.orders_of([id_])):
                left[reading.seen[id_]] = failed[key]
        return Carried(Counter({"documents read": len(ids)}) + shown, left)


class _Reading:
    """Documents by id; `seen` says of each that was read what was told of for it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.apart = Apart()
        self.seen: dict[str, Told] = {}

    def read(self, endpoint: Endpoint, of: Mapping[str, Told]) -> None:
        """Invoices by lists: one that Xero does not answer is read one by one at once, for it may be the fault of any.

        A credit also changes invoices, of which nobody may tell.
        """
        changed = dict[str, Told]()
        for ids in chunks(list(of), IDS_A_CALL if endpoint is INVOICES else 1):
            if len(ids) > 1 and self._read_together(endpoint, ids, of):
                continue
            for id_ in ids:
                with self.apart.each(of[id_]):
                    for credited in self._take_in(endpoint, [id_], of):
                        changed[credited] = of[id_]
        if news := {id_: one for id_, one in changed.items() if id_ not in self.seen}:
            self.read(INVOICES, news)

    def _read_together(self, endpoint: Endpoint, ids: Sequence[str], of: Mapping[str, Told]) -> bool:
        try:
            self._take_in(endpoint, ids, of)
        except (ServerFault, NoAnswer, Refused):
            return False
        return True

    def _take_in(self, endpoint: Endpoint, ids: Sequence[str], of: Mapping[str, Told]) -> list[str]:
        """Read them; returns the invoices that they changed."""
        step = read_by_id(self._connection, endpoint, ids)
        self.seen |= {id_: of[id_] for id_ in ids}
        return [id_ for target, id_ in step.targets if target is INVOICES]
