"""A dry run: the very requests that would be sent, and what Xero is predicted to answer."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from tasks.connections.connection import Connection
from tasks.domain.money import plain
from tasks.exporting.crediting import allocation_items, credit_item
from tasks.exporting.plan import Plan, Ready
from tasks.exporting.reading import Steps
from tasks.exporting.removing import removals
from tasks.exporting.sending import Batcher, chunks, contact_items, ending_batches
from tasks.exporting.updating import at_once, changes
from tasks.ledger.claims import UPDATE
from tasks.xero.client import DOCUMENTS_A_CALL
from tasks.xero.endpoints import ALLOCATIONS, CONTACTS, CREDIT_NOTES, INVOICES, Endpoint
from tasks.xero.wire import body, decimal, document_element

SHOWN = 10


@dataclass(frozen=True)
class Preview:
    """Requests in their order (method, path, body), predicted totals by order, and what is held."""

    requests: list[dict[str, Any]]
    totals: list[dict[str, str]]
    held: list[dict[str, str]]

    def markdown(self) -> str:
        """The first requests in full; all of them stand in the command's file."""
        parts = [f"{len(self.requests)} requests would be sent; nothing was written."]
        for request in self.requests[:SHOWN]:
            pretty = msgspec.json.format(request["body"], indent=1)
            parts.append(f"### {request['method']} {request['path']}\n```json\n{pretty}\n```")
        rows = [
            f"| {t['order']} | {t['number']} | {t['net']} | {t['tax']} | {t['total']} |" for t in self.totals
        ]
        parts.append(
            "\n".join(["| order | number | net | tax | predicted total |", "|---|---|---:|---:|---:|", *rows])
        )
        held = [f"| {h['order']} | {h['cause']} | {h['what']} | {h['advice']} |" for h in self.held]
        if held:
            parts.append("\n".join(["| held | cause | what | what to do |", "|---|---|---|---|", *held]))
        return "\n\n".join(parts)


def preview(connection: Connection, plans: Sequence[Plan], *, drafts_only: bool = False) -> Preview:
    """Build every request of a run without a write anywhere.

    The ContactID of a contact that is yet to be made reads "(ContactID of <its number>)".
    """
    requests: list[dict[str, Any]] = []
    new = list({c.id: c for plan in plans for c in plan.new_contacts.values()}.values())
    numbers: dict[str, str] = {}
    for chunk in chunks(new, DOCUMENTS_A_CALL):
        items = contact_items(connection, chunk)
        numbers |= {item.claim.subject_id: f"(ContactID of {item.claim.mark})" for item in items}
        requests.append(_request("PUT", CONTACTS.name, [item.element for item in items]))
    ready = [item for plan in plans for item in plan.ready]
    links = connection.contacts.ids(sorted({item.draft.contact.id for item in ready}))
    links |= {contact: xero for plan in plans for contact, xero in plan.matches.items()} | numbers
    batcher, unchanged = Batcher(), set[tuple[str, str]]()
    held: list[dict[str, str]] = []
    for ended in [batch for plan in plans for batch in ending_batches(plan.endings)]:
        steps = removals(connection, ended)
        requests += _of_steps(connection, ended[0].endpoint, steps)
        held += _held_by(steps, {ending.claim.key: ending.reference for ending in ended})
    batches = [*batcher.add(ready), *batcher.rest()]
    for batch in (part for whole in batches for part in _parts(whole, drafts_only=drafts_only)):
        if batch[0].claim.operation == UPDATE:
            steps = changes(connection, batch, links, drafts_only=drafts_only)
            requests += _of_steps(connection, batch[0].endpoint, steps)
            held += _held_by(steps, {item.claim.key: item.draft.order_reference for item in batch})
            unchanged |= {item.claim.key for item in batch} - {item.claim.key for item in steps.items}
        else:
            elements = [document_element(item.draft, links[item.draft.contact.id]) for item in batch]
            requests.append(_request("PUT", batch[0].endpoint.name, elements))
    return Preview(
        requests=requests,
        totals=[
            {
                "order": item.draft.order_reference,
                "number": item.draft.number,
                "net": plain(item.draft.total.net),
                "tax": plain(item.draft.total.tax),
                "total": plain(item.draft.total.gross),
                "currency": item.draft.currency,
            }
            for item in ready
            if item.claim.key not in unchanged
        ],
        held=[
            {
                "order": order.reference or order.order_id,
                "kind": order.kind.value,
                "cause": f.cause.value,
                "what": f.detail,
                "advice": f.advice,
            }
            for plan in plans
            for order, findings in plan.held
            for f in findings
        ]
        + held,
    )


def _parts(batch: Sequence[Ready], *, drafts_only: bool) -> Iterator[Sequence[Ready]]:
    """What of a batch goes with one request."""
    if batch[0].claim.operation != UPDATE:
        return iter([batch])
    return chunks(batch, at_once(batch[0].endpoint, drafts_only=drafts_only))


def _of_steps(connection: Connection, endpoint: Endpoint, steps: Steps) -> list[dict[str, Any]]:
    """The requests of documents that follow or end. The id and date of a note that is yet to be made are Xero's."""
    requests = []
    if steps.items:
        requests.append(_request("POST", endpoint.name, [item.element for item in steps.items]))
    notes = [credit_item(one).element for one in steps.credits if one.credit]
    if notes:
        requests.append(_request("PUT", CREDIT_NOTES.name, notes))
    for one in steps.credits:
        due = decimal(one.row.get("AmountDue"))
        for item in allocation_items(connection, one, one.noted):
            due -= decimal(item.element["Amount"])
            path = f"{CREDIT_NOTES.name}/{item.claim.mark}/{ALLOCATIONS.name}"
            requests.append(_request("PUT", path, [item.element], ALLOCATIONS.name))
        if one.credit and due > 0:
            element = {
                "Amount": min(due, one.credit.total.gross),
                "Invoice": {INVOICES.id: one.row[INVOICES.id]},
                "Date": f"(date of {one.credit.number})",
            }
            path = f"{CREDIT_NOTES.name}/(CreditNoteID of {one.credit.number})/{ALLOCATIONS.name}"
            requests.append(_request("PUT", path, [element], ALLOCATIONS.name))
    return requests


def _held_by(steps: Steps, references: Mapping[tuple[str, str], str]) -> list[dict[str, str]]:
    """Orders whose documents would stay as they are, as far as something was found."""
    return [
        {
            "order": references[settlement.claim.key],
            "kind": settlement.claim.subject,
            "cause": found.cause.value,
            "what": found.detail,
            "advice": found.advice,
        }
        for settlement in steps.settled
        for found in settlement.findings
    ]


def _request(
    method: str, path: str, elements: Sequence[Mapping[str, Any]], name: str | None = None
) -> dict[str, Any]:
    return {"method": method, "path": path, "body": body(name or path, elements).decode()}
