"""Claims, and what becomes of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tasks.domain.outcomes import Finding

CREATE, UPDATE = "create", "update"
# A document whose order was cancelled is to go, or one that a run made and a person wants gone; a credit note is to be
# set against its invoice.
REMOVE, ROLLBACK, ALLOCATE = "remove", "rollback", "allocate"
ENDS = {REMOVE, ROLLBACK}
# What is done to a document that stands, and so may be done again for a later revision.
CHANGES = {UPDATE, *ENDS}
# The roles of an order's own document; beside it there may be credit notes: return-1, return-2, ...
PRIMARY = ("sale", "purchase")
# Before the revision of a link: its document is to follow the present rules, though its order did not change.
REMADE = "remade "


def returned(number: int) -> str:
    """The role of an order's credit note, counted from 1."""
    return f"return-{number}"


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to write one role of one subject (an order, or a contact) in one generation.

    `mark`, `number` and `total` are what the document must show for us to know it again; `warnings` is what
    was adjusted on it (JSON). The mark of an allocation is the id of its credit note, its total what is allocated.
    """

    subject: str
    subject_id: str
    role: str
    mark: str
    revision: str
    rules: str
    generation: int = 1
    operation: str = CREATE
    number: str | None = None
    total: str | None = None
    warnings: str | None = None

    @property
    def key(self) -> tuple[str, str]:
        """Which subject it is about."""
        return self.subject, self.subject_id


class Outcome(StrEnum):
    """What became of a claim.

    `written` and `adopted` leave a document that is ours, `linked` one that a person named, `found` one that people
    made and that fits, `accepted` one that a person lets stand as it is; `removed` left one that somebody voided or
    deleted, `conflict` one that somebody changed, `several` more than one. `rejected` is Xero's refusal, `held` ours;
    `released` means that nothing stands in Xero and the claim is free again.
    """

    written = "written"
    adopted = "adopted"
    linked = "linked"
    found = "found"
    accepted = "accepted"
    removed = "removed"
    conflict = "conflict"
    several = "several"
    rejected = "rejected"
    held = "held"
    released = "released"


WITH_DOCUMENT = {
    Outcome.written,
    Outcome.adopted,
    Outcome.linked,
    Outcome.found,
    Outcome.accepted,
    Outcome.removed,
    Outcome.conflict,
    Outcome.several,
}


@dataclass(frozen=True, slots=True)
class Settlement:
    """The end of one claim: its outcome, the document in Xero's words where there is one, and what was found.

    `answer` is what Xero said where that is no document: it goes into the audit trail alone.
    """

    claim: Claim
    outcome: Outcome
    document: Mapping[str, Any] | None = None
    findings: tuple[Finding, ...] = ()
    answer: Any = None

    @property
    def keeps_claim(self) -> bool:
        """Whether nobody is to write it again: the role has its document, or the document this revision."""
        if self.claim.operation == CREATE:
            return self.outcome in WITH_DOCUMENT
        return self.outcome in {Outcome.written, Outcome.adopted, Outcome.accepted}
