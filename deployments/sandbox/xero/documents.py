"""What invoices, purchase orders and credit notes have in common."""

import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import uuid4

from deployments.sandbox.codec import Json
from deployments.sandbox.store import Filter
from deployments.sandbox.xero import contacts, dates
from deployments.sandbox.xero.call import Call
from deployments.sandbox.xero.errors import MissingError, Problems, RefusedError
from deployments.sandbox.xero.lines import LineBuilder
from deployments.sandbox.xero.totals import number as numeric
from deployments.sandbox.xero.totals import sums

AMOUNT_TYPES = ("Exclusive", "Inclusive", "NoTax")
COMMITTED = ("SUBMITTED", "AUTHORISED", "BILLED", "PAID")


@dataclass(frozen=True)
class Sort:
    """A sort of document: its names on the wire, and what it may hold."""

    kind: str
    plural: str
    id: str
    number: str
    prefix: str
    plain: tuple[str, ...]
    days: tuple[str, ...] = ("Date",)
    creates_contacts: bool = True
    needs_account: bool = True
    decimals: int | None = None
    blank: Json = field(default_factory=dict)


def given_fields(sort: Sort, given: Json) -> Json:
    """What a body gives: nulls left out, its number as text."""
    given = {name: value for name, value in given.items() if value is not None}
    return given | ({sort.number: str(given[sort.number])} if sort.number in given else {})


def existing(call: Call, sort: Sort, given: Json) -> Json | None:
    """The document whose id a body bears; unknown ones fail the whole request, or by switch the element."""
    if not (key := given.get(sort.id)):
        return None
    if call.creates_only:
        raise RefusedError(f"{sort.id} cannot be given for a new document.")
    found = call.store.get(call.tenant, sort.kind, str(key).lower())
    if found is None:
        if call.switches["unknown_id_in_body"] == "element":
            raise RefusedError(f"The document with {sort.id} {key} could not be found.")
        raise MissingError
    return found


def build(
    call: Call, sort: Sort, given: Json, old: Json | None, *, discounts: bool, status: str, problems: Problems
) -> Json:
    """The document as it would be stored: fields, contact, currency, lines, totals; problems collected."""
    body = dict(old) if old else _blank(call, sort)
    body |= {name: given[name] for name in sort.plain if name in given}
    for name in sort.days:
        if given.get(name):
            body[name] = _day(name, given[name], problems)
    body["Date"] = body.get("Date") or call.today
    if "Contact" in given or old is None:
        key = contacts.for_document(
            call, given.get("Contact"), creates=sort.creates_contacts, problems=problems
        )
        body["Contact"] = {"ContactID": key}
    _currency(call, given, body, old, problems)
    _lines(call, sort, given, body, discounts=discounts, status=status, problems=problems)
    body |= {"Status": status, "UpdatedDateUTC": call.stamp}
    return body


def _blank(call: Call, sort: Sort) -> Json:
    return {
        sort.id: str(uuid4()),
        **sort.blank,
        "HasErrors": False,
        "IsDiscounted": False,
        "HasAttachments": False,
        "LineAmountTypes": "Exclusive",
        "LineItems": [],
        "_client": call.client,
    }


def _day(name: str, value: Any, problems: Problems) -> str | None:
    try:
        return dates.read_day(value)
    except ValueError:
        problems.add(f"{name} is not a date: {value}")
        return None


def _currency(call: Call, given: Json, body: Json, old: Json | None, problems: Problems) -> None:
    base = call.books.organisation["BaseCurrency"]
    code = str(given.get("CurrencyCode") or body.get("CurrencyCode") or base)
    if code not in call.books.currencies:
        problems.add(f"Organisation is not subscribed to currency {code}")
    changed = old is None or old["CurrencyCode"] != code
    body["CurrencyCode"] = code
    try:
        if given.get("CurrencyRate") and code != base:
            body["CurrencyRate"] = numeric(given["CurrencyRate"])
        elif changed:
            body["CurrencyRate"] = Decimal("1.000000") if code == base else call.books.rate(code)
    except ValueError as error:
        problems.add(f"CurrencyRate is {error}")


def _lines(
    call: Call, sort: Sort, given: Json, body: Json, *, discounts: bool, status: str, problems: Problems
) -> None:
    kind = given.get("LineAmountTypes", body["LineAmountTypes"])
    if kind not in AMOUNT_TYPES:
        problems.add(f"LineAmountTypes must be one of {', '.join(AMOUNT_TYPES)}")
        return
    asked = given.get("LineItems")
    if asked is not None and not (isinstance(asked, list) and all(isinstance(line, dict) for line in asked)):
        problems.add("LineItems must be a list of line items")
        return
    same = asked is None and kind == body["LineAmountTypes"]
    if same and "Total" in body and (status not in COMMITTED or status == body["Status"]):
        return
    builder = LineBuilder(
        call,
        kind,
        decimals=sort.decimals or (4 if asked is None else call.unit_decimals),
        discounts=discounts,
        committed=status in COMMITTED,
        needs_account=sort.needs_account,
        problems=problems,
    )
    old = body["LineItems"]
    if asked is None:
        keep = ("LineItemID", "TaxAmount") if same else ("LineItemID",)
        asked = [{name: line[name] for name in keep} for line in old]
    lines = builder.build(asked, old)
    body |= {"LineAmountTypes": kind, "LineItems": lines, **sums(lines, kind)}
    body["IsDiscounted"] = any("DiscountRate" in line or "DiscountAmount" in line for line in lines)


def locked(call: Call, *days: str | None) -> None:
    """Refuse what is dated in a locked period."""
    lock = call.books.lock_date
    if lock and any(day and day <= lock for day in days):
        raise RefusedError(
            f"The document date cannot be before the period lock date, currently set at {dates.words(lock)}"
        )


def next_number(call: Call, sort: Sort) -> str:
    """The organisation's own next number."""
    name = f"next {call.tenant} {sort.kind}"
    last = int(call.store.fact(name) or 0)
    while True:
        last += 1
        number = f"{sort.prefix}{last:04}"
        if holder(call, sort, number) is None:
            call.store.remember(name, last)
            return number


def holder(call: Call, sort: Sort, number: str, where: Filter = Filter()) -> Json | None:  # noqa: B008
    """The document that bears a number; a living one before a dead one."""
    found = call.store.find(call.tenant, sort.kind, Filter("number = ?", (number,)) & where)
    dead = ("DELETED", "VOIDED")
    return min(found, key=lambda body: body["Status"] in dead, default=None)


def check_number(number: str, name: str, problems: Problems) -> None:
    """At most 255 printable ASCII characters."""
    if not re.fullmatch(r"[\x20-\x7e]{1,255}", number):
        problems.add(f"{name} must be 1 to 255 printable characters.")
