"""Under which number an invoice is made anew: its own where Xero frees that of an ended one, else with its generation.

Nobody documents whether Xero does. It is tried once, and a refusal is remembered. The number of a deleted purchase
order is never free; bills bear the supplier's number, which nothing guards.
"""

from dataclasses import replace

from tasks.connections.connection import Connection
from tasks.domain.documents import DocumentType, Draft
from tasks.domain.outcomes import Cause
from tasks.exporting.plan import Ready
from tasks.ledger.claims import Outcome, Settlement
from tasks.ledger.documents import Link

STREAM, KEPT = "numbers of ended invoices", "kept"


def may_be_free(connection: Connection) -> bool:
    """Whether Xero has not refused the number of an ended invoice yet."""
    return connection.orders.cursor(STREAM) != KEPT


def note_kept(connection: Connection) -> None:
    """It has."""
    connection.orders.take_in([], "", STREAM, KEPT)


def under_its_own(made: Draft, generation: int) -> Draft:
    """A draft of a later generation under the number that the first one bore, where that may be."""
    if generation == 1 or made.type is not DocumentType.invoice:
        return made
    return replace(made, number=made.number.removesuffix(f"-{generation}"))


def as_it_is(made: Draft, link: Link) -> Draft:
    """A draft of an invoice that stands, under the number that this one bears."""
    number = link.written.get("InvoiceNumber")
    return replace(made, number=number) if number and made.type is DocumentType.invoice else made


def with_generation(ready: Ready) -> Ready:
    """Under the number that shows its generation, if it is not yet."""
    if ready.otherwise is None:
        return ready
    number = ready.otherwise
    claim = replace(ready.claim, number=number)
    return replace(ready, draft=replace(ready.draft, number=number), claim=claim, otherwise=None)


def was_taken(settlement: Settlement) -> bool:
    """Whether a document was refused for its number alone."""
    return settlement.outcome is Outcome.held and any(
        found.cause is Cause.number_taken for found in settlement.findings
    )
