"""The words for events and their followers."""

from dataclasses import dataclass, field
from enum import StrEnum

WAITING, TAKEN, DONE = "waiting", "taken", "done"
KNOWN = "known already"
LEFT = "left to the next poll"


class Side(StrEnum):
    """What an event tells of: orders in Monstock, or documents in Xero."""

    orders = "orders"
    documents = "documents"


@dataclass(frozen=True, slots=True)
class Event:
    """Something changed. `id` is the sender's own for it, at most 64 characters: a repeated event bears the same.

    `subject` is the order's kind, or Xero's category; `changed` is the far side's stamp, as text that sorts by time in
    the form in which the ledger has that side's stamps.
    """

    id: str
    side: Side
    subject: str
    subject_id: str
    changed: str


@dataclass(frozen=True, slots=True)
class Followed:
    """A connection's orders or documents, for somebody to follow, who was called so many times `in_vain` by now."""

    connection: str
    side: Side
    in_vain: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Told:
    """An order or document that changed, by its kind or category and id; all events that waited for it are in it.

    `changed` is when, as the latest of them says.
    """

    subject: str
    subject_id: str
    changed: str
