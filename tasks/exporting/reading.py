"""Reads documents right before they change, and says in what way they are not free to."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tasks.connections.connection import Connection
from tasks.domain.documents import Credit
from tasks.domain.errors import NotFound
from tasks.domain.money import plain
from tasks.domain.outcomes import Cause, Finding
from tasks.ledger.claims import Claim, Outcome, Settlement
from tasks.ledger.credit_notes import Noted
from tasks.ledger.documents import Link
from tasks.xero.endpoints import PURCHASE_ORDERS, Endpoint
from tasks.xero.wire import decimal
from tasks.xero.writing import Item

Row = Mapping[str, Any]
_DRAFTED = {"DRAFT", "SUBMITTED"}
_ENDED = {"VOIDED", "DELETED"}
# Origins of documents that are ours by our mark; what a person linked, or what was found to fit, is not.
OURS = {"made", "adopted"}


@dataclass(frozen=True, slots=True)
class Crediting:
    """An order whose document stays as it is: credit notes tell the difference.

    `claim` is that of the document itself, `row` the document as just read; `credit` is what is yet to be made, None
    where the credit notes so far say it all.
    """

    claim: Claim
    row: Row
    noted: tuple[Noted, ...]
    credit: Credit | None


@dataclass
class Steps:
    """What documents that stand are to become: by an element each, by credit notes, or by nothing at all."""

    items: list[Item] = field(default_factory=list)
    settled: list[Settlement] = field(default_factory=list)
    credits: list[Crediting] = field(default_factory=list)

    def settle(
        self, claim: Claim, outcome: Outcome, row: Row | None = None, findings: Iterable[Finding] = ()
    ) -> None:
        """There is nothing to send."""
        self.settled.append(Settlement(claim, outcome, row, tuple(findings)))


def read(connection: Connection, endpoint: Endpoint, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Documents by id: 40 a call, purchase orders one by one."""
    if endpoint is PURCHASE_ORDERS:
        rows = [row for one in ids for row in _one(connection, one)]
    else:
        rows = connection.xero.by_values(endpoint.name, "IDs", ids, {"unitdp": "4"})
    return {row[endpoint.id]: row for row in rows}


def _one(connection: Connection, document_id: str) -> list[dict[str, Any]]:
    try:
        return connection.xero.one(PURCHASE_ORDERS, document_id)
    except NotFound:
        return []


def kept(row: Row | None, link: Link, endpoint: Endpoint) -> Row:
    """The document, or what is known of one that Xero does not show any more."""
    return row or {**link.written, endpoint.id: link.document_id}


def is_gone(row: Row | None) -> bool:
    """Voided, deleted, or nowhere."""
    return row is None or row.get("Status") in _ENDED


def is_drafted(row: Row) -> bool:
    """Not approved yet."""
    return row.get("Status") in _DRAFTED


def is_sent(row: Row) -> bool:
    """Whether the customer has it."""
    return bool(row.get("SentToContact"))


def has_money(row: Row) -> bool:
    """Whether payments, credit notes, prepayments or overpayments are on it."""
    return (
        row.get("Status") == "PAID"
        or decimal(row.get("AmountPaid")) != 0
        or decimal(row.get("AmountCredited")) != 0
    )


def standing(row: Row) -> str:
    """How a document stands, for people: its status, money and whether it was sent."""
    amounts = [
        f"{plain(amount)} {word}"
        for name, word in (("AmountPaid", "paid"), ("AmountCredited", "credited"))
        if (amount := decimal(row.get(name)))
    ]
    money = f" with {' and '.join(amounts)}" if amounts else ""
    return f"The document is {row.get('Status')}{money}" + (" and was sent" if is_sent(row) else "")


def credited_by_hand(row: Row, noted: Iterable[Noted]) -> list[str]:
    """Credit notes on a document that are not ours. One of our pattern is known by its mark before we make another."""
    ours, pattern = {note.document_id for note in noted}, f"{row.get('InvoiceNumber')}-CR"
    return [
        str(note.get("CreditNoteNumber") or note.get("CreditNoteID"))
        for note in row.get("CreditNotes") or []
        if note.get("CreditNoteID") not in ours
        and not str(note.get("CreditNoteNumber") or "").startswith(pattern)
    ]


def locked(until: Any) -> Finding:
    """What is said of a document that lies in a locked period."""
    return Finding(Cause.locked, f"The document lies in a period locked until {until}.")
