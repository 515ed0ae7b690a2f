"""Writes of many elements: partial failure, or all or nothing."""

from collections.abc import Callable
from typing import Any

from deployments.sandbox.codec import Json
from deployments.sandbox.web import Answer
from deployments.sandbox.xero import dates, render
from deployments.sandbox.xero.call import Call
from deployments.sandbox.xero.envelope import envelope
from deployments.sandbox.xero.errors import ZERO_ID, BadRequestError, RefusedError

MOST = 50
MOST_ITEMS = 500

Writer = Callable[[Call, Json], Json]
Shower = Callable[[Call, list[Json]], list[Json]]


def elements(call: Call, plural: str) -> list[Json]:
    """The elements of the body: under the plural name, as a list, or a single one."""
    body = call.request.json()
    found = body.get(plural, [body]) if isinstance(body, dict) else body
    if not isinstance(found, list) or not all(isinstance(element, dict) for element in found):
        raise BadRequestError.post(f"The body must hold {plural}.")
    if not found:
        raise BadRequestError.post(f"The body holds no {plural}.")
    most = MOST_ITEMS if plural == "Items" else MOST
    if len(found) > most:
        raise BadRequestError(f"A request can hold at most {most} {plural}; this one holds {len(found)}.")
    return found


def write(call: Call, plural: str, id_field: str, one: Writer, show: Shower) -> Answer:
    """Each element by `one`, in its own transaction; `summarizeErrors`: whether a bad one stops the rest."""
    asked = elements(call, plural)
    results: list[Json] = []
    failed: list[Json] = []
    for element in asked:
        try:
            with call.store.transaction():
                saved = one(call, element)
            shown = show(call, [saved])[0]
            results.append(shown | _verdict(shown))
        except RefusedError as refused:
            failed.append(echo(call, element, id_field, refused))
            results.append(failed[-1])
    if failed and call.flag("summarizeErrors", default=True):
        raise BadRequestError("A validation exception occurred", elements=failed)
    return Answer.json(envelope(call, {plural: results}))


def _verdict(shown: Json) -> Json:
    warned = bool(shown.get("Warnings"))
    return {"StatusAttributeString": "WARNING" if warned else "OK"}


def echo(call: Call, asked: Json, id_field: str, refused: RefusedError) -> Json:
    """An ERROR element: what was asked for, not what is stored, with a zero id where nothing was named."""
    key, nested_only = call.switches["error_text_key"], call.switches["nested_errors_only"]
    element = {name: _dated(name, value) for name, value in asked.items()}
    element[id_field] = ZERO_ID if refused.zero_id else asked.get(id_field) or ZERO_ID
    for place, message in refused.places:
        inner = _place(element, place)
        if inner is not None:
            inner.setdefault("ValidationErrors", []).append({key: message})
    top = [message for place, message in refused.places if not (nested_only and place != "")]
    element["HasErrors"] = True
    element["StatusAttributeString"] = "ERROR"
    element["ValidationErrors"] = [{key: message} for message in top]
    return element


def _place(element: Json, place: str | int) -> Json | None:
    """The line or contact that a problem belongs to, copied so that the request stays as it was."""
    if place == "":
        return None
    if place == "Contact":
        element["Contact"] = dict(element.get("Contact") or {})
        return _own(element["Contact"])
    lines = element["LineItems"] = [dict(line) for line in element["LineItems"]]
    return _own(lines[int(place)])


def _own(inner: Json) -> Json:
    inner["ValidationErrors"] = list(inner.get("ValidationErrors", []))
    return inner


def _dated(name: str, value: Any) -> Any:
    if not name.endswith("Date") or not value:
        return value
    try:
        return render.wire({name: dates.read_day(value)})[name]
    except (ValueError, KeyError):
        return value
