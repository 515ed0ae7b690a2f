"""What an item of the inbox is, and which of them somebody asks for."""

from dataclasses import asdict, dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from tasks.domain.orders import Kind
from tasks.domain.outcomes import ADVICE, Cause, Finding

_READ_AGAIN = (
    "Correct the document in Xero; it is read again at its next change, or with `monstock-xero inbox retry`."
)


class Subject(StrEnum):
    """What an item is about; a link is how an order and its documents go together, and show in Monstock."""

    order = "order"
    document = "document"
    link = "link"


@dataclass(frozen=True, slots=True)
class Proposal:
    """An order that a document may belong to, and what speaks for it."""

    kind: str
    order_id: str
    reference: str
    reason: str


@dataclass(frozen=True, slots=True)
class Item:
    """One thing in trouble. `name` is what people call it by: an order's reference, a document's number."""

    connection: str
    subject: Subject
    kind: str
    id: str
    name: str
    contact: str
    date: date | None
    state: str
    findings: tuple[Finding, ...]
    since: datetime | None
    tries: int
    skipped: str | None = None
    proposals: tuple[Proposal, ...] = ()

    def facts(self) -> dict[str, Any]:
        """All of it, each finding with its advice, as it goes into JSON."""
        told = [{**asdict(found), "advice": advice(self.subject, found)} for found in self.findings]
        return {**asdict(self), "findings": told}


def advice(subject: Subject, found: Finding) -> str:
    """What a person can do about a finding."""
    unreadable = subject is Subject.document and found.cause is Cause.unreadable
    return _READ_AGAIN if unreadable else ADVICE[found.cause]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which items; None and empty mean all. Days are those on which the trouble began, in UTC, both included.

    `skipped` asks for what was taken out of the inbox instead of what is in it.
    """

    subjects: tuple[Subject, ...] = tuple(Subject)
    kinds: tuple[Kind, ...] = tuple(Kind)
    cause: Cause | None = None
    first: date | None = None
    last: date | None = None
    skipped: bool = False
