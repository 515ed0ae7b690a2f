"""What a window of orders comes to: drafts that may be written, and orders that need something else, or nothing."""

from dataclasses import dataclass, field
from datetime import date

from tasks.domain.documents import Draft
from tasks.domain.money import plain
from tasks.domain.orders import Contact
from tasks.domain.outcomes import Finding, OrderState
from tasks.exporting.following import Back, Ending
from tasks.ledger.claims import Claim
from tasks.ledger.credit_notes import Noted
from tasks.ledger.documents import Link
from tasks.ledger.settlement import findings_json
from tasks.ledger.standing import Seen
from tasks.xero.endpoints import Endpoint, endpoint_for

# Stands for a contact that Xero does not know yet.
NO_CONTACT = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True, slots=True)
class Ready:
    """A draft that may be written, with the claim it needs and its size in bytes.

    `link` is set where the order's document exists and is to follow a change: then `back` is what came back since,
    `noted` its credit notes so far, which with the document say what the order says if it `is_told`, and
    `locked_until` set where its date lies in a locked period. `ours` says that
    a person wants the order's own version, whoever changed the document. `otherwise` is the number of a document made
    anew, should Xero not give it the one that it bears.
    """

    draft: Draft
    claim: Claim
    size: int
    link: Link | None = None
    back: Back | None = None
    noted: tuple[Noted, ...] = ()
    is_told: bool = False
    locked_until: date | None = None
    ours: bool = False
    otherwise: str | None = None

    @property
    def endpoint(self) -> Endpoint:
        """Where it is written."""
        return endpoint_for(self.draft.type)


@dataclass
class Plan:
    """What a window of orders comes to.

    `endings` are cancelled orders whose documents stand; `found` are claims whose documents bear our mark in Xero
    already; `joined` are those with the id of a document that people made and that belongs to the order; `matches`
    pairs Monstock's contacts with Xero's; `taxes` are net and tax by type where other rules made a draft than told them
    of its order (JSON); `moves` are the orders for which there is nothing to write, by where they stand now.
    """

    ready: list[Ready] = field(default_factory=list)
    endings: list[Ending] = field(default_factory=list)
    held: list[tuple[Seen, tuple[Finding, ...]]] = field(default_factory=list)
    found: list[Claim] = field(default_factory=list)
    joined: list[tuple[Claim, str]] = field(default_factory=list)
    new_contacts: dict[str, Contact] = field(default_factory=dict)
    matches: dict[str, str] = field(default_factory=dict)
    taxes: list[tuple[Seen, str]] = field(default_factory=list)
    moves: dict[OrderState, list[Seen]] = field(default_factory=dict)

    def move(self, seen: Seen, state: OrderState) -> None:
        """There is nothing to write for an order; it stands there now."""
        self.moves.setdefault(state, []).append(seen)


def claim_for(made: Draft, generation: int, rules: str, operation: str) -> Claim:
    """The claim that a draft needs before it is sent."""
    return Claim(
        subject=made.kind.value,
        subject_id=made.order_id,
        role=made.type.role,
        mark=made.mark,
        revision=made.revision,
        rules=rules,
        generation=generation,
        operation=operation,
        number=made.number,
        total=plain(made.total.gross),
        warnings=findings_json(made.warnings),
    )
