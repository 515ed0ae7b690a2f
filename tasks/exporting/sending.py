"""Brings contacts and documents to Xero, a batch at a time, through the write protocol."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from tasks.connections.connection import Connection
from tasks.domain.orders import Contact, Kind
from tasks.domain.outcomes import Cause, Finding
from tasks.exporting.books import refresh_contacts
from tasks.exporting.crediting import credit_all
from tasks.exporting.following import Ending
from tasks.exporting.numbering import may_be_free, note_kept, was_taken, with_generation
from tasks.exporting.plan import Ready
from tasks.exporting.reading import Steps, is_gone, read
from tasks.exporting.removing import removals
from tasks.exporting.updating import at_once, changes
from tasks.ledger.attempts import Attempt
from tasks.ledger.claims import UPDATE, Claim, Outcome, Settlement
from tasks.ledger.settlement import read_findings
from tasks.ledger.standing import Seen
from tasks.mapping.contacts import Directory, clean_name, contact_number, fitted, name_key
from tasks.mapping.findings import Findings
from tasks.xero.client import BYTES_A_CALL, DOCUMENTS_A_CALL
from tasks.xero.endpoints import CONTACTS, INVOICES, PURCHASE_ORDERS, Endpoint, endpoint_for
from tasks.xero.recognition import recognised
from tasks.xero.wire import contact_element, document_element, read_contact
from tasks.xero.writing import Item, Writer

V = TypeVar("V")
D = TypeVar("D", Ready, Ending)
C = TypeVar("C", Ready, Ending, Item)

# A claim that came free again (Xero failed before it did anything) is written anew this often in one run.
TRIES = 3
# How often, in seconds, to look whether another worker is done.
LOOK_AGAIN = 0.5
ENVELOPE = 100


def writer(connection: Connection, run_id: str) -> Writer:
    """The write protocol for one run: the door to every write, and so where organisation and rules are noted."""
    connection.note()
    return Writer(connection.xero, connection.attempts, run_id)


class Batcher:
    """Groups for writing: one endpoint and operation, at most 50 documents and 3.5 MB; only full ones leave early."""

    def __init__(self) -> None:
        self._open: dict[tuple[Endpoint, str], list[Ready]] = {}

    def add(self, ready: Iterable[Ready]) -> Iterator[list[Ready]]:
        """Take more in; yield what is full."""
        for item in ready:
            group = (item.endpoint, item.claim.operation)
            batch = self._open.setdefault(group, [])
            if batch and ENVELOPE + sum(r.size for r in batch) + item.size > BYTES_A_CALL:
                yield batch
                batch = self._open[group] = []
            batch.append(item)
            if len(batch) == DOCUMENTS_A_CALL:
                yield self._open.pop(group)

    def rest(self) -> Iterator[list[Ready]]:
        """What is left."""
        yield from (batch for batch in self._open.values() if batch)
        self._open = {}


def chunks(values: Sequence[V], size: int) -> Iterator[Sequence[V]]:
    """Slices of at most `size`."""
    for start in range(0, len(values), size):
        yield values[start : start + size]


def create_contacts(connection: Connection, contacts: Sequence[Contact], run_id: str) -> list[Settlement]:
    """Make at most 50 contacts; names that are taken get a suffix, and once more if Xero knows better."""
    settled = finish_open(connection, run_id, wait=False)
    waiting = list(contacts)
    for _ in range(TRIES):
        items = contact_items(connection, waiting)
        answers = writer(connection, run_id).write(CONTACTS, items)
        again = {s.claim.subject_id for s in answers if s.outcome in {Outcome.held, Outcome.released}}
        settled += [s for s in answers if s.claim.subject_id not in again]
        made = [read_contact(s.document) for s in answers if s.document is not None]
        connection.contacts.take_in([(contact, name_key(contact.name)) for contact in made], None)
        waiting = [contact for contact in waiting if contact.id in again]
        if not waiting:
            return settled
        refresh_contacts(connection)
    return settled + [s for s in answers if s.claim.subject_id in again]


def contact_items(connection: Connection, contacts: Sequence[Contact]) -> list[Item]:
    """New contacts as they are written, each under our number and a free name."""
    names, rules = _free_names(connection, contacts), connection.settings.digest
    items: list[Item] = []
    for contact in contacts:
        number = contact_number(connection.settings.prefix, contact.id)
        claim = Claim("contact", contact.id, "contact", number, "", rules, number=number)
        items.append(Item(claim, contact_element(fitted(contact, Findings()), names[contact.id], number)))
    return items


def send_documents(
    connection: Connection, batch: Sequence[Ready], run_id: str, *, drafts_only: bool = False
) -> list[Settlement]:
    """Write a batch of documents that are new, or that follow their orders.

    A batch whose task runs again finds its first attempt left open, and sees that one through first.
    """
    settled = finish_open(connection, run_id, wait=False)
    links = connection.contacts.ids(sorted({ready.draft.contact.id for ready in batch}))
    settled += connection.attempts.adopt(_without_contact(connection, batch, links), run_id)
    batch = [ready for ready in batch if ready.draft.contact.id in links]
    if not batch:
        return settled
    if batch[0].claim.operation != UPDATE:
        return settled + _create(connection, batch, links, run_id)

    def look(these: Sequence[Ready]) -> Steps:
        return changes(connection, these, links, drafts_only=drafts_only)

    for these in chunks(batch, at_once(batch[0].endpoint, drafts_only=drafts_only)):
        settled += _carry_out(connection, these, look, run_id)
    return settled


def _create(
    connection: Connection, batch: Sequence[Ready], links: Mapping[str, str], run_id: str
) -> list[Settlement]:
    """Make documents; those made anew whose number Xero does not give again, under one that shows so."""

    def write(these: Sequence[Ready]) -> list[Settlement]:
        items = [Item(one.claim, document_element(one.draft, links[one.draft.contact.id])) for one in these]
        return _written(connection, batch[0].endpoint, items, run_id)

    if not may_be_free(connection):
        batch = [with_generation(one) for one in batch]
    settled = write(batch)
    taken = {one.claim.key for one in settled if was_taken(one)}
    again = [one for one in batch if one.otherwise and one.claim.key in taken]
    if not again:
        return settled
    note_kept(connection)
    keys = {one.claim.key for one in again}
    return [one for one in settled if one.claim.key not in keys] + write(
        [with_generation(one) for one in again]
    )


def end_documents(connection: Connection, batch: Sequence[Ending], run_id: str) -> list[Settlement]:
    """End the documents of cancelled orders: at most 50, of one endpoint."""

    def look(these: Sequence[Ending]) -> Steps:
        return removals(connection, these)

    return finish_open(connection, run_id, wait=False) + _carry_out(connection, batch, look, run_id)


def ending_batches(endings: Iterable[Ending]) -> Iterator[Sequence[Ending]]:
    """Cancelled orders by where their documents stand, at most 50 together."""
    by_endpoint: dict[Endpoint, list[Ending]] = {}
    for ending in endings:
        by_endpoint.setdefault(ending.endpoint, []).append(ending)
    for those in by_endpoint.values():
        yield from chunks(those, DOCUMENTS_A_CALL)


def _carry_out(
    connection: Connection, batch: Sequence[D], look: Callable[[Sequence[D]], Steps], run_id: str
) -> list[Settlement]:
    """What needs nothing, what is to be written, and what is told by credit notes; each try begins with a look."""

    def write(at: Endpoint, items: Sequence[Item]) -> list[Settlement]:
        return _written(connection, at, items, run_id)

    def step(these: Sequence[D]) -> list[Settlement]:
        steps = look(these)
        settled = connection.attempts.adopt(steps.settled, run_id)
        if steps.items:
            settled += writer(connection, run_id).write(these[0].endpoint, steps.items)
        return settled + credit_all(connection, steps.credits, write, run_id)

    return _tried(connection, batch, step, run_id)


def _written(
    connection: Connection, endpoint: Endpoint, items: Sequence[Item], run_id: str
) -> list[Settlement]:
    """Write what is new in Xero."""

    def step(these: Sequence[Item]) -> list[Settlement]:
        return writer(connection, run_id).write(endpoint, these)

    return _tried(connection, items, step, run_id)


def _tried(
    connection: Connection, these: Sequence[C], step: Callable[[Sequence[C]], list[Settlement]], run_id: str
) -> list[Settlement]:
    """Take a step; what came free again is tried anew, but not for ever."""
    settled: list[Settlement] = []
    free: dict[tuple[str, str], Settlement] = {}
    for _ in range(TRIES):
        if not these:
            return settled
        answers = step(these)
        free = {s.claim.key: s for s in answers if s.outcome is Outcome.released}
        settled += [s for s in answers if s.claim.key not in free]
        these = [one for one in these if one.claim.key in free]
    return settled + _failed(connection, list(free.values()), run_id)


def _without_contact(
    connection: Connection, batch: Sequence[Ready], links: Mapping[str, str]
) -> list[Settlement]:
    """Orders whose contact Xero refuses, with its reason; where another worker is making it, they wait."""
    missing = [ready for ready in batch if ready.draft.contact.id not in links]
    why = connection.attempts.refusals("contact", [ready.draft.contact.id for ready in missing])
    return [
        Settlement(
            ready.claim, Outcome.rejected, findings=(Finding(Cause.contact_rejected, text, "contact"),)
        )
        for ready in missing
        if (text := "; ".join(f.detail for f in read_findings(why.get(ready.draft.contact.id))))
    ]


def _failed(connection: Connection, free: Sequence[Settlement], run_id: str) -> list[Settlement]:
    """What Xero refused each time is rejected; what it failed at is held where people see it, and tried again."""
    refused = [replace(one, outcome=Outcome.rejected) for one in free if one.findings]
    detail = f"Xero failed {TRIES} times with an internal error; nothing of it stands in Xero."
    failed = (Finding(Cause.rejected, detail),)
    held = [Settlement(one.claim, Outcome.held, findings=failed) for one in free if not one.findings]
    seen = [Seen(Kind(one.claim.subject), one.claim.subject_id, one.claim.revision) for one in held]
    connection.orders.hold([(who, failed) for who in seen], run_id)
    return connection.attempts.adopt(refused, run_id) + held


def join(connection: Connection, joined: Sequence[tuple[Claim, str]], run_id: str) -> list[Settlement]:
    """Take documents into the ledger that people made for orders; what is gone meanwhile is left alone."""
    settled: list[Settlement] = []
    for endpoint in (INVOICES, PURCHASE_ORDERS):
        ours = [(claim, id_) for claim, id_ in joined if _endpoint_of(connection, claim) is endpoint]
        rows = read(connection, endpoint, sorted({id_ for _, id_ in ours})) if ours else {}
        settled += [
            Settlement(claim, Outcome.found, rows[id_])
            for claim, id_ in ours
            if id_ in rows and not is_gone(rows[id_])
        ]
    return connection.attempts.adopt(settled, run_id) if settled else []


def _endpoint_of(connection: Connection, claim: Claim) -> Endpoint:
    return endpoint_for(connection.settings.of(Kind(claim.subject)).document)


def adopt(connection: Connection, claims: Sequence[Claim], run_id: str) -> list[Settlement]:
    """Take documents into the ledger that bear our mark in Xero and that it does not know."""
    seen = connection.documents.marked([claim.mark for claim in claims])
    invoices = [d.id for claim in claims for d in seen.get(claim.mark, []) if d.type != "PURCHASEORDER"]
    orders = [d.id for claim in claims for d in seen.get(claim.mark, []) if d.type == "PURCHASEORDER"]
    rows = connection.xero.by_values("Invoices", "IDs", invoices, {"unitdp": "4"})
    rows += [row for order_id in orders for row in connection.xero.one(PURCHASE_ORDERS, order_id)]
    settled = [
        recognised(claim, [row for row in rows if claim.mark in {row.get("Url"), row.get("Reference")}], None)
        for claim in claims
    ]
    return connection.attempts.adopt(settled, run_id)


def finish_open(
    connection: Connection, run_id: str, *, wait: bool, sleep: Callable[[float], None] = time.sleep
) -> list[Settlement]:
    """See through what an earlier process left open, killed or parked.

    Until its lease ends another worker may still be at it: with `wait`, that one is given the time. Nothing is
    sent before the organisation is known to be the right one; its answer also tells Xero's time.
    """
    settled: list[Settlement] = []
    waiting = {attempt.id for attempt in connection.attempts.unfinished()}
    checked = False
    while waiting and (left := [a for a in connection.attempts.unfinished() if a.id in waiting]):
        for attempt in filter(None, map(connection.attempts.take_over, left)):
            if not checked:
                _check_organisation(connection, attempt)
                checked = True
            settled += writer(connection, run_id).finish(attempt)
            waiting.remove(attempt.id)
        if not wait:
            break
        if waiting:
            sleep(LOOK_AGAIN)
    return settled


def _check_organisation(connection: Connection, attempt: Attempt) -> None:
    """Where that cannot be known, the attempt is left to whoever comes next at once."""
    try:
        connection.check_organisation(connection.xero.organisation()["Name"])
    except BaseException:
        connection.attempts.leave(attempt)
        raise


def _free_names(connection: Connection, contacts: Sequence[Contact]) -> dict[str, str]:
    """A name for each contact that nobody in Xero bears, nor another one of them."""
    names = {contact.id: clean_name(contact.name, Findings()) for contact in contacts}
    directory = Directory()
    directory.add(connection.contacts.names_like(sorted({name_key(name) for name in names.values()})))
    taken: set[str] = set()
    free = {}
    for contact in contacts:
        free[contact.id] = directory.free_name(names[contact.id], taken)
        taken.add(name_key(free[contact.id]))
    return free
