"""What may be taken back of what a run made, and why the rest stays. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from tasks.domain.documents import DocumentType
from tasks.domain.orders import Kind
from tasks.exporting.comparing import edits
from tasks.exporting.reading import OURS, Row, has_money, is_drafted, is_gone, is_sent
from tasks.ledger.claims import ENDS, UPDATE
from tasks.ledger.credit_notes import Noted
from tasks.ledger.runs import Made
from tasks.xero.client import calendar_date

STATUSES = {"deleted": "DELETED", "voided": "VOIDED"}
STAYS, GONE_BEFORE, NOT_TOUCHED, WAITS = "stays", "gone before", "not touched", "waits"
# How the ledger knows documents that may go.
MAY_GO = {"DRAFT", "SUBMITTED", "AUTHORISED"}


@dataclass(frozen=True, slots=True)
class Line:
    """What becomes of one thing that the run did, and why it does not go.

    `becomes` is one of deleted, voided, stays, gone before, waits (for the next day's calls), and not touched (for what
    is no document of the run's own).
    """

    made: Made
    status: str
    becomes: str
    why: str = ""

    @property
    def goes(self) -> bool:
        """Whether it is taken back."""
        return self.becomes in STATUSES

    def row(self) -> dict[str, str]:
        """As people read it."""
        made = self.made
        return {
            "kind": made.subject,
            "order": made.reference,
            "document": made.document_type.replace("_", " "),
            "number": made.number,
            "status": self.status,
            "amount": f"{made.total} {made.currency}".strip(),
            "what": self.becomes,
            "why": self.why,
        }


def of_document(made: Made, row: Row | None, noted: Sequence[Noted], locked_until: date | None) -> Line:
    """What is to become of a document that the run made: `row` is it as just read, `noted` are its credit notes."""
    status = str(row.get("Status")) if row else made.status
    if row is None or is_gone(row) or made.is_past:
        return Line(made, status, GONE_BEFORE, _gone(made, row))
    becomes = _end(made, row)
    why = "; ".join(_obstacles(made, row, noted, locked_until))
    if becomes is None or why:
        return Line(made, status, STAYS, why or f"it is {status}")
    return Line(made, status, becomes)


def of_the_rest(made: Made) -> Line:
    """What needs no look at Xero: a document that was taken back before, and whatever else a run did."""
    if made.is_document:
        return Line(made, made.status, GONE_BEFORE, _gone(made, None))
    return Line(made, made.status, NOT_TOUCHED, _what_else(made))


def of_one_that_waits(made: Made) -> Line:
    """A document that nobody came to before the day's calls were used up."""
    return Line(made, made.status, WAITS, "the day's calls were used up before")


def of_one_that_went(made: Made) -> Line:
    """A document that was ended before the rest of its batch was cut off."""
    ended = {status: becomes for becomes, status in STATUSES.items()}
    return Line(made, made.status, ended.get(made.status, GONE_BEFORE))


def _gone(made: Made, row: Row | None) -> str:
    if made.is_past:
        return "rolled back, or sent anew, before"
    return f"{row.get('Status')} in Xero already" if row else "not in Xero any more"


def _end(made: Made, row: Row) -> str | None:
    """How a document goes: nothing of it is left in the books either way."""
    if is_drafted(row):
        return "deleted"
    if row.get("Status") != "AUTHORISED":
        return None
    return "deleted" if made.document_type == DocumentType.purchase_order else "voided"


def _obstacles(made: Made, row: Row, noted: Sequence[Noted], locked_until: date | None) -> Iterator[str]:
    """Everything that keeps a living document where it is."""
    if made.origin not in OURS:
        yield "linked by hand"
        return
    if has_money(row):
        yield "paid" if row.get("Status") == "PAID" else "part-paid or credited"
    if noted:
        yield f"credited by {', '.join(note.number for note in noted)}"
    if is_sent(row):
        yield "sent to the contact"
    if names := edits(made.written, row):
        yield f"edited in Xero since: {', '.join(names)}"
    day = calendar_date(row, "Date")
    if locked_until and day and day <= locked_until:
        yield f"in a period locked until {locked_until}"


def _what_else(made: Made) -> str:
    if made.subject not in set(Kind):
        return "a contact: other documents may be its own"
    if made.operation == UPDATE:
        return "updated by this run, made by another"
    if made.operation in ENDS:
        return "ended by this run: what is voided or deleted stays so"
    return "a credit note: void it in Xero by hand"
