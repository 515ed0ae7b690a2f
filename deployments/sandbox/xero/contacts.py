"""Contacts: names that are unique, external numbers, archived ones that take no edit."""

from typing import Any
from uuid import uuid4

from deployments.sandbox.codec import Json
from deployments.sandbox.store import Filter
from deployments.sandbox.xero import render
from deployments.sandbox.xero.call import Call
from deployments.sandbox.xero.errors import ARCHIVED, MissingError, Problems, RefusedError

_PLAIN = [
    "AccountNumber",
    "FirstName",
    "LastName",
    "CompanyNumber",
    "EmailAddress",
    "BankAccountDetails",
    "TaxNumber",
    "TaxNumberType",
    "AccountsReceivableTaxType",
    "AccountsPayableTaxType",
    "Addresses",
    "Phones",
    "ContactPersons",
    "DefaultCurrency",
    "SalesDefaultAccountCode",
    "PurchasesDefaultAccountCode",
    "SalesDefaultLineAmountType",
    "PurchasesDefaultLineAmountType",
    "PaymentTerms",
    "Website",
]
_LENGTHS = {
    "ContactNumber": 50,
    "AccountNumber": 50,
    "FirstName": 255,
    "LastName": 255,
    "CompanyNumber": 50,
    "EmailAddress": 255,
    "TaxNumber": 50,
}
_ACTIVE = Filter("status = 'ACTIVE'")


def write(call: Call, given: Json) -> Json:
    """PUT or POST of one contact: create, or with POST also update."""
    given = {name: value for name, value in given.items() if value is not None}
    old = None if call.creates_only else matched(call, given)
    if call.creates_only and "ContactID" in given:
        raise RefusedError("A ContactID cannot be given for a new contact.")
    return save(call, given, old)


def matched(call: Call, given: Json) -> Json | None:
    """The contact that a body means: by ContactID, else ContactNumber, else Name."""
    if key := given.get("ContactID"):
        return by_id(call, str(key))
    if number := given.get("ContactNumber"):
        found = call.store.first(call.tenant, "contact", Filter("number = ?", (number,)))
        if found is not None:
            return found
    return named(call, given["Name"]) if given.get("Name") else None


def by_id(call: Call, key: str) -> Json:
    """By ContactID; an unknown one fails the whole request, or by switch the element."""
    found = call.store.get(call.tenant, "contact", key.lower())
    if found is None:
        if call.switches["unknown_id_in_body"] == "element":
            raise RefusedError(("Contact", f"The contact with ContactID {key} could not be found."))
        raise MissingError
    return found


def named(call: Call, name: str) -> Json | None:
    """The active contact of a name, else an archived one, where that is refused."""
    same = Filter("name = ?", (name.strip().lower(),))
    found = call.store.first(call.tenant, "contact", same & _ACTIVE)
    if found is None and call.switches["archived_name_refused"]:
        found = call.store.first(call.tenant, "contact", same)
    return found


def save(call: Call, given: Json, old: Json | None) -> Json:
    """Check and store a contact."""
    if old is not None and old["ContactStatus"] != "ACTIVE":
        raise RefusedError(ARCHIVED)
    problems = Problems()
    body = dict(old) if old else _blank(call)
    body |= {name: given[name] for name in _PLAIN if name in given}
    if number := given.get("ContactNumber"):
        body["ContactNumber"] = number
        _check_number(call, body, problems)
    body["Name"] = str(given.get("Name", body["Name"])).rstrip()
    _check_name(call, body, problems)
    if given.get("ContactStatus") == "ARCHIVED":
        body["ContactStatus"] = "ARCHIVED"
    for name, most in _LENGTHS.items():
        if len(str(body.get(name) or "")) > most:
            problems.add(f"The field {name} exceeds its length of {most} characters.")
    problems.end()
    body["UpdatedDateUTC"] = call.stamp
    call.store.put(call.tenant, "contact", body)
    return body


def _blank(call: Call) -> Json:
    return {
        "ContactID": str(uuid4()),
        "ContactStatus": "ACTIVE",
        "Name": "",
        "EmailAddress": "",
        "BankAccountDetails": "",
        "Addresses": [],
        "Phones": [],
        "ContactGroups": [],
        "ContactPersons": [],
        "IsSupplier": False,
        "IsCustomer": False,
        "HasAttachments": False,
        "HasValidationErrors": False,
        "_client": call.client,
    }


def _check_name(call: Call, body: Json, problems: Problems) -> None:
    name = body["Name"]
    if not name:
        problems.add("The contact name must be specified.")
        return
    if len(name) > 255:
        problems.add("The contact name exceeds its length of 255 characters.")
    if "<" in name or ">" in name:
        problems.add("The contact name cannot contain < or >.")
    if name.startswith(" ") or "  " in name:
        problems.add("The contact name cannot contain leading or double spaces.")
    other = named(call, name)
    if other is None or other["ContactID"] == body["ContactID"]:
        return
    if other["ContactStatus"] != "ACTIVE":
        problems.add(ARCHIVED)
        return
    problems.add(
        f"The contact name {name} is already assigned to another contact. "
        "The contact name must be unique across all active contacts."
    )


def _check_number(call: Call, body: Json, problems: Problems) -> None:
    same = Filter("number = ? and id <> ?", (body["ContactNumber"], body["ContactID"]))
    if call.store.first(call.tenant, "contact", same) is not None:
        problems.add(f"The contact number {body['ContactNumber']} is already assigned to another contact.")


def for_document(call: Call, given: Any, *, creates: bool, problems: Problems) -> str | None:
    """The id of a document's contact. Fields beside its id edit it; `creates`: an unknown name makes one."""
    given = given if isinstance(given, dict) else {}
    given = {name: value for name, value in given.items() if value is not None}
    if not any(given.get(name) for name in ("ContactID", "ContactNumber", "Name")):
        problems.add("A Contact must be specified for this type of transaction", "Contact")
        return None
    found = matched(call, given)
    if found is None and not creates:
        problems.add("The contact could not be found. This endpoint creates no contacts.", "Contact")
        return None
    try:
        if found is None or _edits(found, given):
            found = save(call, given, found)
    except RefusedError as refused:
        for message in refused.messages:
            problems.add(message, "Contact")
        return None
    if found["ContactStatus"] != "ACTIVE":
        problems.add(ARCHIVED, "Contact")
    return str(found["ContactID"])


def _edits(found: Json, given: Json) -> bool:
    fields = ("Name", "ContactNumber", *_PLAIN)
    return any(given[name] != found.get(name) for name in fields if name in given)


def mark(call: Call, key: str, flag: str) -> None:
    """Note that a contact became a customer or a supplier."""
    contact = call.store.get(call.tenant, "contact", key)
    if contact is not None and not contact[flag]:
        call.store.put(call.tenant, "contact", contact | {flag: True}, quiet=True)


def show(call: Call, bodies: list[Json]) -> list[Json]:
    """Contacts as they go out."""
    return [render.wire(body) for body in bodies]
