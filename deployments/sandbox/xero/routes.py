"""The accounting API's paths: which are there, what scope each needs, and who answers."""

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import unquote

from deployments.sandbox.codec import Json
from deployments.sandbox.store import Filter
from deployments.sandbox.web import Answer
from deployments.sandbox.xero import (
    contacts,
    credit_notes,
    history,
    invoices,
    items,
    payments,
    purchase_orders,
    reading,
    render,
)
from deployments.sandbox.xero.call import Call
from deployments.sandbox.xero.envelope import envelope
from deployments.sandbox.xero.errors import BadRequestError, BarredError, MissingError, RefusedError
from deployments.sandbox.xero.writing import Shower, Writer, elements, write

_WRITERS: dict[str, tuple[Writer, Shower]] = {
    "Invoices": (invoices.write, invoices.show),
    "PurchaseOrders": (purchase_orders.write, purchase_orders.show),
    "Contacts": (contacts.write, contacts.show),
    "CreditNotes": (credit_notes.write, credit_notes.show),
    "Items": (items.write, items.show),
    "Payments": (payments.write, payments.show),
}
_AREAS = {
    "Invoices": "invoices",
    "PurchaseOrders": "invoices",
    "CreditNotes": "invoices",
    "Payments": "payments",
    "Overpayments": "payments",
    "Prepayments": "payments",
    "Contacts": "contacts",
}
_CREDITS = {"CreditNotes": "credit_note", "Overpayments": "overpayment", "Prepayments": "prepayment"}


@dataclass(frozen=True)
class Route:
    """A path taken apart: /{plural}/{key}/{rest}/{last}."""

    method: str
    plural: str
    key: str = ""
    rest: str = ""
    last: str = ""

    @property
    def label(self) -> str:
        """For counting: ids replaced."""
        parts = [self.plural, "{id}" if self.key else "", self.rest, "{id}" if self.last else ""]
        return f"{self.method} /" + "/".join(part for part in parts if part)

    def check(self, scopes: list[str]) -> None:
        """BarredError 403 if the token's scopes do not reach it; reading can do with the area's .read."""
        scope = f"accounting.{_AREAS.get(self.plural, 'settings')}"
        if scope not in scopes and not (self.method == "GET" and f"{scope}.read" in scopes):
            raise BarredError(403, "AuthorizationUnsuccessful: the token lacks the scope")


def route(method: str, path: str) -> Route:
    """Take a path apart; the part before is already off."""
    parts = [unquote(part) for part in path.strip("/").split("/")][:4]
    return Route(method, *parts)


def answer(call: Call, at: Route) -> Answer:
    """Answer a call, or say that there is nothing: MissingError."""
    listing = reading.LISTINGS.get(at.plural)
    if listing is None:
        raise MissingError
    handler = _handler(at)
    if handler is None:
        raise MissingError
    return handler(call, at, listing)


_Handler = Callable[[Call, Route, reading.Listing], Answer]


def _handler(at: Route) -> _Handler | None:
    if at.rest == "History" and not at.last and at.method in ("GET", "PUT"):
        return lambda call, at, listing: history.answer(call, listing.kind, _found(call, at, listing))
    if at.rest == "Allocations" and at.plural in _CREDITS:
        return _allocations
    if at.rest:
        return None
    if at.method == "POST" and at.plural == "Payments":
        return _delete_payment
    if at.method == "GET" or at.plural in _WRITERS:
        return _BY_METHOD.get((at.method, bool(at.key)))
    return None


def _find(call: Call, at: Route, listing: reading.Listing) -> Json:
    key = at.key
    found = call.store.get(call.tenant, listing.kind, key.lower())
    if found is None and listing.kind in ("invoice", "purchase_order", "credit_note", "contact", "item"):
        found = call.store.first(call.tenant, listing.kind, Filter("number = ?", (key,)))
    if found is None:
        raise MissingError
    return found


def _found(call: Call, at: Route, listing: reading.Listing) -> str:
    return str(_find(call, at, listing)[listing.id])


def _one(call: Call, at: Route, listing: reading.Listing) -> Answer:
    return reading.single(call, listing, _find(call, at, listing))


def _write(call: Call, at: Route, listing: reading.Listing) -> Answer:
    one, show = _WRITERS[at.plural]
    return write(call, at.plural, listing.id, one, show)


def _write_one(call: Call, at: Route, listing: reading.Listing) -> Answer:
    key, (one, show) = _found(call, at, listing), _WRITERS[at.plural]
    return write(call, at.plural, listing.id, lambda call, given: one(call, {**given, listing.id: key}), show)


_BY_METHOD: dict[tuple[str, bool], _Handler] = {
    ("GET", False): lambda call, _, listing: reading.read(call, listing),
    ("GET", True): _one,
    ("PUT", False): _write,
    ("POST", False): _write,
    ("POST", True): _write_one,
}


def _delete_payment(call: Call, at: Route, listing: reading.Listing) -> Answer:
    [given, *_] = elements(call, "Payments")
    key = at.key or str(given.get("PaymentID", ""))
    with _bad_if_refused():
        payment = payments.delete(call, key.lower(), given)
    return Answer.json(envelope(call, {"Payments": [render.wire(payment)]}))


def _allocations(call: Call, at: Route, listing: reading.Listing) -> Answer:
    kind, key = _CREDITS[at.plural], _found(call, at, listing)
    with _bad_if_refused():
        if at.method == "DELETE" and at.last:
            return Answer.json(envelope(call, credit_notes.unallocate(call, kind, key, at.last.lower())))
        if at.method != "PUT" or at.last:
            raise MissingError
        asked = elements(call, "Allocations")
        done = [credit_notes.allocate(call, kind, key, given) for given in asked]
    return Answer.json(envelope(call, {"Allocations": [render.wire(one) for one in done]}))


class _bad_if_refused:  # noqa: N801 - used like a function
    """A refusal fails the whole call, where there is no partial failure."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, RefusedError):
            texts = [{"Message": message} for message in error.messages]
            raise BadRequestError(
                "A validation exception occurred", elements=[{"ValidationErrors": texts}]
            ) from error
