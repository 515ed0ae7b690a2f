"""Decides for a window of orders what is to be written, and what is held back and why."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from tasks.connections.connection import Connection
from tasks.domain.books import GONE, Books, SeenDocument
from tasks.domain.documents import DocumentType, Draft
from tasks.domain.errors import Unreadable
from tasks.domain.orders import Contact, Kind, Order
from tasks.domain.outcomes import Cause, Finding, OrderState
from tasks.domain.taxes import taxes_json
from tasks.exporting.following import Follower, gone
from tasks.exporting.intake import state_of, unreadable
from tasks.exporting.numbering import as_it_is, may_be_free, under_its_own
from tasks.exporting.plan import NO_CONTACT, Plan, Ready, claim_for
from tasks.ledger.claims import CREATE, REMADE, UPDATE, Claim
from tasks.ledger.documents import Link, Said
from tasks.ledger.standing import Unsettled
from tasks.mapping.contacts import Directory, contact_number, identify, name_key
from tasks.mapping.document import Held, draft, mark_for
from tasks.mapping.rules import Rules
from tasks.mapping.taxes import amounts
from tasks.matching.by_hand import XERO_TYPE, Candidate, HandMade, finding
from tasks.monstock import wire
from tasks.xero.client import calendar_date
from tasks.xero.wire import body, document_element

WINDOW = 2_500
_TYPES = {"ACCREC": DocumentType.invoice, "PURCHASEORDER": DocumentType.purchase_order}


class Planner:
    """Plans windows of orders, with the books and what people made by hand as they are when it begins.

    With `drafts_only`, no document ends: the deletion of a draft would lose it. Orders that were cancelled wait.
    """

    def __init__(self, connection: Connection, books: Books, *, drafts_only: bool = False) -> None:
        self._connection = connection
        self._books = books
        self._drafts_only = drafts_only
        self._rules = connection.settings
        self._digest = self._rules.digest
        self._rulebooks: dict[str, Rules] = {
            digest: Rules.model_validate_json(rules) for digest, rules in connection.documents.rules().items()
        }
        self._may_be_free = may_be_free(connection)
        self._numbers: dict[tuple[DocumentType, str], str] = {}
        by_hand = connection.documents.by_hand()
        self._by_hand = HandMade(by_hand.first, by_hand.later)

    def plan(self, window: Sequence[Unsettled]) -> Plan:
        """Look at each order alone; one that cannot be read or sent stops no other."""
        plan = Plan()
        orders = list(self._readable(window, plan))
        directory = self._directory([order.contact for _, order in orders])
        links = {
            (kind, order_id): link
            for kind in Kind
            for order_id, link in self._connection.documents.links(
                kind, [u.order_id for u, _ in orders if u.kind is kind]
            ).items()
        }
        dead = self._connection.documents.gone([link.document_id for link in links.values()])
        follower, owned = self._follower(links), self._owned(orders)
        drafted: list[tuple[Unsettled, Draft, Link | None]] = []
        for unsettled, order in orders:
            link = links.get((unsettled.kind, unsettled.order_id))
            alive = link is not None and link.status not in GONE and link.document_id not in dead
            state, findings = state_of(order, self._connection, linked=alive)
            if state is OrderState.held:
                plan.held.append((unsettled.seen, findings))
            elif state is not OrderState.pending:
                plan.move(unsettled.seen, state)
            elif link and not alive and _ended(unsettled, link):
                plan.held.append((unsettled.seen, (gone(link),)))
            elif link and link.revision == unsettled.revision:
                done = OrderState.not_due if order.status == "cancelled" else OrderState.exported
                if unsettled.state is OrderState.pending or done is OrderState.not_due:
                    plan.move(unsettled.seen, done)
            elif link is None and unsettled.decision != "send" and (unsettled.kind, order.id) in owned:
                plan.joined.append((self._claim_of(unsettled), owned[unsettled.kind, order.id]))
            elif link and order.status == "cancelled":
                plan.endings += [] if self._drafts_only else [follower.ending(unsettled, link)]
            else:
                self._draft(unsettled, order, link, directory, plan, drafted)
        fresh = [made for _, made, link in drafted if link is None]
        own = [under_its_own(made, order.generation) for order, made, link in drafted if link is None]
        taken, elsewhere = self._taken([*fresh, *own]), self._elsewhere(fresh)
        # After the numbers: what another run made in between is ours, and not a stranger's number.
        seen = self._connection.documents.marked([made.mark for _, made, _ in drafted])
        by_hand = self._made_by_hand(drafted)
        for unsettled, made, link in drafted:
            holder = elsewhere.get((made.kind, made.order_id))
            if holder and unsettled.decision != "send":
                plan.held.append((unsettled.seen, (Finding(Cause.exported_elsewhere, holder),)))
            else:
                candidates = by_hand.get((made.kind, made.order_id), [])
                self._place(unsettled, made, link, seen.get(made.mark, []), candidates, taken, plan, follower)
        return plan

    def redraft(self, orders: Sequence[tuple[Order, Link]]) -> list[Draft | Held]:
        """What the present rules make of orders whose documents stand, each of the type that it is.

        Number and mark are those of a first generation: of a document that stands, both stay as they are.
        """
        directory, books = self._directory([order.contact for order, _ in orders]), _unlocked(self._books)
        return [
            draft(order, _of_type(self._rules, DocumentType(link.document_type)), books, directory, 1)
            for order, link in orders
        ]

    def _owned(self, orders: Sequence[tuple[Unsettled, Order]]) -> dict[tuple[Kind, str], str]:
        """Orders for which people have made the document that we would make, and its id."""
        return {
            (kind, order_id): document_id
            for kind in Kind
            for order_id, document_id in self._connection.ownership.of_orders(
                kind.value,
                [order.id for _, order in orders if order.kind is kind],
                XERO_TYPE[self._rules.of(kind).document],
            ).items()
        }

    def _claim_of(self, order: Unsettled) -> Claim:
        """The claim of an order whose document we do not make."""
        return Claim(
            subject=order.kind.value,
            subject_id=order.order_id,
            role=self._rules.of(order.kind).document.role,
            mark=mark_for(order.order_id, order.reference, self._rules, order.kind, order.generation),
            revision=order.revision,
            rules=self._digest,
            generation=order.generation,
        )

    def _follower(self, links: dict[tuple[Kind, str], Link]) -> Follower:
        """What was credited so far, of the orders that have documents."""
        noted = {
            (kind, order_id): notes
            for kind in Kind
            for order_id, notes in self._connection.credit_notes.of(
                kind, [order_id for of, order_id in links if of is kind]
            ).items()
        }
        return Follower(self._rules, self._digest, self._books, noted)

    def _readable(self, window: Sequence[Unsettled], plan: Plan) -> Iterator[tuple[Unsettled, Order]]:
        for unsettled in window:
            try:
                yield unsettled, wire.order(unsettled.payload, unsettled.revision)
            except Unreadable as error:
                plan.held.append((unsettled.seen, unreadable(error)))

    def _draft(
        self,
        unsettled: Unsettled,
        order: Order,
        link: Link | None,
        directory: Directory,
        plan: Plan,
        drafted: list[tuple[Unsettled, Draft, Link | None]],
    ) -> None:
        rules = self._rules_for(link)
        made = draft(
            order, rules, _unlocked(self._books) if link else self._books, directory, unsettled.generation
        )
        if isinstance(made, Held):
            plan.held.append((unsettled.seen, made.findings))
            return
        drafted.append((unsettled, made, link))
        if (told := taxes_json(amounts(order, rules))) != unsettled.taxes:
            plan.taxes.append((unsettled.seen, told))
        found = identify(order.contact, directory, self._rules.prefix)
        if found is None:
            plan.new_contacts[order.contact.id] = order.contact
        elif directory.links.get(order.contact.id) != found.id:
            plan.matches[order.contact.id] = found.id
            directory.link(order.contact, found)

    def _place(
        self,
        unsettled: Unsettled,
        made: Draft,
        link: Link | None,
        seen: list[SeenDocument],
        candidates: list[Candidate],
        taken: dict[tuple[DocumentType, str], str],
        plan: Plan,
        follower: Follower,
    ) -> None:
        """Adopt what bears our mark already, ask about what looks made by hand, write the rest."""
        several = [document.id for document in seen if document.alive]
        if link and len(several) > 1:
            detail = f"{len(several)} documents bear this order's mark: {', '.join(several)}."
            plan.held.append((unsettled.seen, (Finding(Cause.several_documents, detail),)))
            return
        made, otherwise = self._numbered(unsettled, made, link, taken)
        claim = claim_for(made, unsettled.generation, self._digest, UPDATE if link else CREATE)
        if link is None:
            if seen:
                plan.found.append(claim)
                return
            if candidates:
                plan.held.append((unsettled.seen, (finding(candidates),)))
                return
            if holder := taken.get((made.type, made.number)) or self._numbers.get((made.type, made.number)):
                detail = f"Number {made.number} belongs to {holder}."
                plan.held.append((unsettled.seen, (Finding(Cause.number_taken, detail, "reference"),)))
                return
            if made.type is not DocumentType.bill:
                self._numbers[made.type, made.number] = f"order {made.order_reference}"
        size = len(body("", [document_element(made, NO_CONTACT)]))
        ready = Ready(made, claim, size, link, otherwise=otherwise)
        plan.ready.append(_followed(ready, unsettled, follower) if link else ready)

    def _numbered(
        self,
        unsettled: Unsettled,
        made: Draft,
        link: Link | None,
        taken: dict[tuple[DocumentType, str], str],
    ) -> tuple[Draft, str | None]:
        """A draft under the number that it may bear, and the one that it bears should Xero not give it that."""
        if unsettled.generation == 1:
            return made, None
        if link:
            return as_it_is(made, link), None
        own = under_its_own(made, unsettled.generation)
        if own == made or not self._may_be_free or (own.type, own.number) in taken:
            return made, None
        return own, made.number

    def _made_by_hand(
        self, drafted: Sequence[tuple[Unsettled, Draft, Link | None]]
    ) -> dict[tuple[Kind, str], list[Candidate]]:
        """Documents that people seem to have made for orders that have none and that nobody wants sent."""
        asked = [made for unsettled, made, link in drafted if link is None and unsettled.decision != "send"]
        said = {
            (kind, order_id): one
            for kind in Kind
            for order_id, one in self._connection.documents.said(
                kind, [made.order_id for made in asked if made.kind is kind]
            ).items()
        }
        nothing, found = Said(), {}
        for made in asked:
            key = (made.kind, made.order_id)
            one = said.get(key, nothing)
            found[key] = self._by_hand.candidates(made, one.proposed, one.refused)
        return found

    def _elsewhere(self, drafts: Sequence[Draft]) -> dict[tuple[Kind, str], str]:
        """Orders that another connection over the same account has exported: two books must not both bear them."""
        others = sorted(self._connection.others)
        return {
            (kind, order_id): said
            for kind in Kind
            if others
            for order_id, said in self._connection.documents.of_others(
                others, kind, [made.order_id for made in drafts if made.kind is kind]
            ).items()
        }

    def _taken(self, drafts: Sequence[Draft]) -> dict[tuple[DocumentType, str], str]:
        """Numbers of invoices and purchase orders that live documents bear, and who bears them.

        Xero guards invoice numbers itself; whether it guards those of purchase orders is not certain.
        """
        numbers = sorted({made.number for made in drafts if made.type is not DocumentType.bill})
        return {
            (_TYPES[document.type], document.number or ""): f"document {document.id} ({document.status})"
            for document in self._connection.documents.bearing(numbers)
            if document.type in _TYPES
        }

    def _rules_for(self, link: Link | None) -> Rules:
        """New rules apply to new documents only: one that exists is followed under those it was made by."""
        if link is None:
            return self._rules
        if link.revision.startswith(REMADE):
            return _of_type(self._rules, DocumentType(link.document_type))
        return _of_type(self._rulebooks.get(link.rules, self._rules), DocumentType(link.document_type))

    def _directory(self, contacts: Iterable[Contact]) -> Directory:
        """The contacts of Xero that these contacts could be."""
        known = {contact.id: contact for contact in contacts}
        store = self._connection.contacts
        links = store.links(list(known))
        numbers = [contact_number(self._rules.prefix, contact_id) for contact_id in known]
        names = sorted({name_key(contact.name) for contact in known.values()})
        found = store.find(sorted(links.values()), numbers, names)
        directory = Directory(links=links, linked=store.linked([contact.id for contact in found]))
        directory.add(found)
        return directory


def _of_type(rules: Rules, made: DocumentType) -> Rules:
    """Rules by which a document keeps its type."""
    if made in {rules.customer.document, rules.supplier.document}:
        return rules
    return rules.model_copy(update={"supplier": rules.supplier.model_copy(update={"document": made})})


def _ended(order: Unsettled, link: Link) -> bool:
    """Whether a document that is gone needs no look: we ended it, or the order is as it was written."""
    return link.written.get("Status") in GONE or link.revision == order.revision


def _unlocked(books: Books) -> Books:
    """A document that stands may lie in a locked period: whether that matters is seen when it is to change."""
    return replace(books, period_lock_date=None, end_of_year_lock_date=None)


def _followed(ready: Ready, order: Unsettled, follower: Follower) -> Ready:
    """With what came back since its document was written."""
    assert ready.link is not None  # noqa: S101 - for the type checker
    dates = ready.draft.date, calendar_date(ready.link.written, "Date")
    return replace(
        ready,
        back=follower.back(order, ready.link, ready.draft),
        noted=follower.notes(order),
        is_told=follower.is_told(order, ready.link, ready.draft),
        locked_until=follower.locked(*dates),
        ours=order.decision == "ours",
    )
