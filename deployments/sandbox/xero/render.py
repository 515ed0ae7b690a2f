"""Documents as they go out: dates on the wire's form, private fields gone, details by the kind of reading."""

from typing import Any

from deployments.sandbox.codec import Json
from deployments.sandbox.store import Filter, Store
from deployments.sandbox.xero import dates
from deployments.sandbox.xero.call import Call
from deployments.sandbox.xero.totals import places

_DAYS = frozenset(
    [
        "Date",
        "DueDate",
        "DeliveryDate",
        "ExpectedArrivalDate",
        "ExpectedPaymentDate",
        "PlannedPaymentDate",
        "FullyPaidOnDate",
        "PeriodLockDate",
        "EndOfYearLockDate",
    ]
)
_WITH_STRING = frozenset(("Date", "DueDate", "DeliveryDate", "ExpectedArrivalDate"))
_STAMPS = frozenset(("UpdatedDateUTC", "CreatedDateUTC", "DateUTC"))
_CREDITS = {"CreditNotes": "credit_note", "Prepayments": "prepayment", "Overpayments": "overpayment"}


def wire(value: Any) -> Any:
    """A stored value as it goes out."""
    if isinstance(value, list):
        return [wire(item) for item in value]
    if not isinstance(value, dict):
        return value
    out: Json = {}
    for name, item in value.items():
        if name[0] == "_" or item is None:
            continue
        if name in _DAYS:
            if item:
                out[name] = dates.day(item)
                if name in _WITH_STRING:
                    out[f"{name}String"] = f"{item}T00:00:00"
        elif name in _STAMPS:
            out[name] = dates.stamp(item)
        else:
            out[name] = wire(item) if isinstance(item, dict | list) else item
    return out


def contacts_of(store: Store, tenant: str, documents: list[Json]) -> dict[str, Json]:
    """The contacts that documents name, by id."""
    wanted = {document["Contact"]["ContactID"] for document in documents if "Contact" in document}
    found: dict[str, Json] = {}
    ids = sorted(wanted)
    for start in range(0, len(ids), 500):
        chunk = store.find(tenant, "contact", Filter.among("id", ids[start : start + 500]))
        found |= {contact["ContactID"]: contact for contact in chunk}
    return found


def _nested(contact: Json, zone: str | None) -> Json:
    short: Json = {
        "ContactID": contact["ContactID"],
        "Name": contact["Name"],
        "Addresses": [],
        "Phones": [],
        "ContactGroups": [],
        "ContactPersons": [],
        "HasValidationErrors": False,
    }
    if contact.get("ContactNumber"):
        short["ContactNumber"] = contact["ContactNumber"]
    if zone is not None:
        short["ContactStatus"] = contact["ContactStatus"]
        short["UpdatedDateUTC"] = dates.local(contact["UpdatedDateUTC"], zone)
    return short


def documents(
    call: Call, kind: str, bodies: list[Json], *, lines: bool = True, links: bool = True
) -> list[Json]:
    """Invoices, orders and notes as they go out. `links`: with payments and credits, as reads bear them."""
    known = contacts_of(call.store, call.tenant, bodies)
    zone = call.books.organisation["Timezone"] if kind == "purchase_order" else None
    decimals = 4 if kind == "purchase_order" else call.unit_decimals
    out = []
    for body in bodies:
        document = wire({name: value for name, value in body.items() if name not in ("LineItems", "Contact")})
        if "Contact" in body:
            document["Contact"] = _nested(known[body["Contact"]["ContactID"]], zone)
        document["LineItems"] = [_line(line, decimals) for line in body["LineItems"]] if lines else []
        if links and kind == "invoice":
            document["Payments"] = [wire(payment) for payment in body["_payments"]]
            for name, sort in _CREDITS.items():
                document[name] = [wire(credit) for credit in body["_credits"] if credit["_kind"] == sort]
        out.append(document)
    return out


def _line(line: Json, decimals: int) -> Json:
    return {**line, "UnitAmount": places(line["UnitAmount"], decimals)}
