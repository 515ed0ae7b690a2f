"""The accounting link that a connector sets on an order, validated to the letter."""

import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

from deployments.sandbox.codec import Json
from deployments.sandbox.monstock.problems import ProblemError
from deployments.sandbox.monstock.times import calendar, micros

STATUSES = [
    "draft",
    "submitted",
    "approved",
    "partially_paid",
    "paid",
    "billed",
    "voided",
    "deleted",
    "credited",
]
TYPES = ("invoice", "bill", "purchase_order")


def _matches(pattern: str) -> Callable[[str], object]:
    def check(text: str) -> None:
        if not re.fullmatch(pattern, text, re.ASCII):
            raise ValueError(f"does not match {pattern}")

    return check


def _one_of(*values: str) -> Callable[[str], object]:
    def check(text: str) -> None:
        if text not in values:
            raise ValueError(f"must be one of {', '.join(values)}")

    return check


_decimal = _matches(r"-?\d{1,13}(\.\d{1,6})?")
REQUIRED: dict[str, Callable[[str], object]] = {
    "provider": _one_of("xero"),
    "documentType": _one_of(*TYPES),
    "documentId": UUID,
    "documentNumber": _matches(r"(?s).{0,255}"),
    "status": _one_of(*STATUSES),
    "total": _decimal,
    "amountDue": _decimal,
    "syncedAt": micros,
}
OPTIONAL: dict[str, Callable[[str], object]] = {
    "currency": _matches("[A-Z]{3}"),
    "amountPaid": _decimal,
    "amountCredited": _decimal,
}
NULLABLE: dict[str, Callable[[str], object]] = {
    "issuedOn": calendar,
    "dueOn": calendar,
    "fullyPaidOn": calendar,
    "url": _matches(r"[A-Za-z][A-Za-z0-9+.-]*:\S+"),
}


def checked(body: Any) -> Json:
    """The link, if it obeys the contract; a 422 names each field that does not, unknown ones too."""
    if not isinstance(body, dict):
        raise ProblemError(422, "The link must be an object.", [("", "must be an object")])
    errors = [(f"/{name}", "is required") for name in REQUIRED if name not in body]
    for name, value in body.items():
        if problem := _fault(name, value):
            errors.append((f"/{name}", problem))
    if errors:
        raise ProblemError(422, "The link does not obey the contract.", errors)
    return body


def _fault(name: str, value: Any) -> str | None:
    check = REQUIRED.get(name) or OPTIONAL.get(name) or NULLABLE.get(name)
    if check is None:
        return "is not a field of a link"
    if value is None and name in NULLABLE:
        return None
    if not isinstance(value, str):
        return "must be a string"
    try:
        check(value)
    except ValueError as error:
        return str(error)
    return None


def same(one: Json | None, other: Json) -> bool:
    """Equal but for syncedAt."""
    return one is not None and {**one, "syncedAt": 0} == {**other, "syncedAt": 0}
