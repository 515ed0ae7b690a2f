"""A dry run: the very requests that would be sent, and what Xero is predicted to answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from tasks.connections.connection import Connection
from tasks.domain.money import plain
from tasks.exporting.planning import Plan
from tasks.exporting.sending import Batcher, chunks, contact_items
from tasks.exporting.updating import changes
from tasks.ledger.claims import UPDATE
from tasks.xero.client import DOCUMENTS_A_CALL
from tasks.xero.endpoints import CONTACTS
from tasks.xero.wire import body, document_element

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


def preview(connection: Connection, plans: Sequence[Plan]) -> Preview:
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
    batcher = Batcher()
    for batch in [*batcher.add(ready), *batcher.rest()]:
        if batch[0].claim.operation == UPDATE:
            changed, _ = changes(connection, batch, links)
            if changed:
                elements = [item.element for item in changed]
                requests.append(_request("POST", batch[0].endpoint.name, elements))
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
        ],
    )


def _request(method: str, path: str, elements: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {"method": method, "path": path, "body": body(path, elements).decode()}
