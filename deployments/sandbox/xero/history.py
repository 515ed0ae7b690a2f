"""Notes in a document's history."""

from uuid import uuid4

from deployments.sandbox.codec import Json
from deployments.sandbox.store import Filter
from deployments.sandbox.web import Answer
from deployments.sandbox.xero import render
from deployments.sandbox.xero.call import Call
from deployments.sandbox.xero.envelope import envelope
from deployments.sandbox.xero.errors import BadRequestError, MissingError
from deployments.sandbox.xero.writing import elements

LONGEST = 2500
_USER = "System Generated"


def answer(call: Call, kind: str, key: str) -> Answer:
    """GET the notes, or PUT some."""
    if call.store.get(call.tenant, kind, key) is None:
        raise MissingError
    if call.request.method == "GET":
        notes = call.store.find(call.tenant, "history", Filter("owner = ?", (key,)), "date desc, id")
        return Answer.json(envelope(call, {"HistoryRecords": [render.wire(note) for note in notes]}))
    notes = [_note(call, kind, key, asked) for asked in elements(call, "HistoryRecords")]
    for note in notes:
        call.store.put(call.tenant, "history", note)
    return Answer.json(envelope(call, {"HistoryRecords": [render.wire(note) for note in notes]}))


def _note(call: Call, kind: str, key: str, asked: Json) -> Json:
    details = str(asked.get("Details") or "")
    if not 1 <= len(details) <= LONGEST:
        raise BadRequestError(f"Details must hold 1 to {LONGEST} characters.")
    return {
        "_id": str(uuid4()),
        "_target": [kind, key],
        "Details": details,
        "Changes": "Note",
        "User": _USER,
        "DateUTC": call.stamp,
    }
