"""What the next export does about documents that do not follow their orders: its own steps, told ahead."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from tasks.connections.connection import Connection
from tasks.domain.discrepancies import Repair
from tasks.domain.errors import CallError, Parked
from tasks.exporting import removing, updating
from tasks.exporting.books import open_books, read_lists
from tasks.exporting.plan import NO_CONTACT, Plan
from tasks.exporting.planning import Planner
from tasks.exporting.reading import Row, Steps
from tasks.exporting.sending import chunks
from tasks.ledger.claims import REMOVE, Outcome
from tasks.ledger.documents import Link
from tasks.ledger.standing import Scope
from tasks.xero.endpoints import CREDIT_NOTES

Key = tuple[str, str]
AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Stands:
    """How an order's document was last seen in Xero, in cents. `by_hand` are ids of credit notes of people's on it.

    `edited` says that somebody changed what it says since our last write.
    """

    status: str
    paid: int
    credited: int
    sent: bool
    by_hand: Collection[str]
    edited: bool

    def row(self, link: Link) -> Row:
        """The document in Xero's words: what we wrote, as it stands by now."""
        return {
            **link.written,
            "Status": self.status,
            "AmountPaid": Decimal(self.paid).scaleb(-2),
            "AmountCredited": Decimal(self.credited).scaleb(-2),
            "SentToContact": self.sent,
            "CreditNotes": [{CREDIT_NOTES.id: note} for note in self.by_hand],
        }


def next_steps(connection: Connection, documents: Mapping[Key, Stands]) -> dict[Key, Repair]:
    """Of each order, by kind and id, what the next export does about its document; none where it leaves that alone.

    Reads Xero's lists if any of the orders is one that the export looks at; where they cannot be read, it could do
    nothing either.
    """
    planner: Planner | None = None
    told: dict[Key, Repair] = {}
    for some in chunks(sorted(documents), AT_ONCE):
        scope = Scope(rules=connection.settings.digest, those=tuple(some))
        if not (window := connection.orders.unsettled(scope, None, AT_ONCE)):
            continue
        try:
            planner = planner or Planner(connection, open_books(connection, read_lists(connection)))
        except (Parked, CallError):
            return {}
        plan = planner.plan(window)
        told |= dict(_told(_steps(connection, plan, documents)))
        told |= {(seen.kind.value, seen.order_id): Repair.update for of in plan.moves.values() for seen in of}
    return told


def _steps(connection: Connection, plan: Plan, documents: Mapping[Key, Stands]) -> Steps:
    steps = Steps()
    links = connection.contacts.ids(sorted({ready.draft.contact.id for ready in plan.ready})) | plan.matches
    for ending in plan.endings:
        document = documents[ending.claim.key]
        if ending.ours or not document.edited:
            removing.step(steps, ending, ending.link, document.row(ending.link))
    for ready in plan.ready:
        document, contact = documents[ready.claim.key], links.get(ready.draft.contact.id, NO_CONTACT)
        if ready.link and (ready.ours or not document.edited):
            updating.step(steps, ready, ready.link, document.row(ready.link), contact)
    return steps


def _told(steps: Steps) -> Iterator[tuple[Key, Repair]]:
    for item in steps.items:
        yield item.claim.key, Repair.void if item.claim.operation == REMOVE else Repair.update
    for one in steps.credits:
        told_already = one.credit is None and one.claim.operation != REMOVE
        yield one.claim.key, Repair.update if told_already else Repair.credit
    for settled in steps.settled:
        if settled.outcome is Outcome.adopted:  # the document says by now what the order says
            yield settled.claim.key, Repair.update
