"""What settlements and holds leave in the audit trail."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, select

from tasks.ledger.claims import WITH_DOCUMENT, Outcome, Settlement
from tasks.ledger.schema import orders
from tasks.ledger.settlement import document_id, findings_json, joined, state_after
from tasks.ledger.trail import Entry

Key = tuple[str, str]
_elements = msgspec.json.Decoder(dict[str, list[msgspec.Raw]])


def requests(endpoint: str, body: bytes, keys: Sequence[Key]) -> dict[Key, msgspec.Raw]:
    """Each claim's own element of a stored request, as the bytes that it is."""
    return dict(zip(keys, _elements.decode(body)[endpoint], strict=True))


def of_settlement(settlement: Settlement, call: Mapping[str, Any], request: Any = None) -> Entry:
    """A claim's end: its own part of the request and of the answer, and what was found."""
    claim, document = settlement.claim, settlement.document
    found = joined(claim.warnings, findings_json(settlement.findings))
    content = {
        **call,
        "role": claim.role,
        "operation": claim.operation,
        "generation": claim.generation,
        "request": request,
        "answer": settlement.answer or document,
        "document": document if settlement.answer else None,
        "findings": msgspec.Raw(found.encode()) if found else None,
    }
    return Entry(
        event=settlement.outcome.value,
        subject=claim.subject,
        subject_id=claim.subject_id,
        revision=claim.revision,
        rules=claim.rules,
        document_id=document_id(document) if document else None,
        content={name: value for name, value in content.items() if value is not None},
    )


def of_hold(kind: str, order_id: str, revision: str, rules: str | None, found: str | None) -> Entry:
    """A decision to hold an order; `found` is the JSON of the findings."""
    content = {"findings": msgspec.Raw((found or "[]").encode())}
    return Entry("held", kind, order_id, revision, rules, content=content)


def news(tx: Connection, connection: str, settlements: Sequence[Settlement]) -> list[Settlement]:
    """Those that say more than what stands: an order that stays where it was, for the same, is looked at every hour.

    To be asked before the orders are moved.
    """
    stuck = [s for s in settlements if s.outcome not in _MOVES_ON]
    if not stuck:
        return list(settlements)
    query = select(orders.c.kind, orders.c.order_id, orders.c.revision, orders.c.state, orders.c.findings)
    ours = orders.c.connection == connection, orders.c.order_id.in_([s.claim.subject_id for s in stuck])
    standing = {tuple(row) for row in tx.execute(query.where(*ours))}
    return [s for s in settlements if s.outcome in _MOVES_ON or _standing(s) not in standing]


_MOVES_ON = (WITH_DOCUMENT - {Outcome.removed, Outcome.conflict, Outcome.several}) | {Outcome.released}


def _standing(settlement: Settlement) -> tuple[str | None, ...]:
    claim, state = settlement.claim, state_after(settlement)
    return claim.subject, claim.subject_id, claim.revision, state, findings_json(settlement.findings)
