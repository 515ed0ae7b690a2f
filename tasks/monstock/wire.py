"""Monstock's wire format, and nothing else: raw JSON becomes orders. A real tenant costs this file."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Annotated, Any

import msgspec
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from tasks.domain.accounting import AccountingLink
from tasks.domain.errors import Unreadable
from tasks.domain.money import plain
from tasks.domain.orders import Address, Contact, Kind, Order, OrderLine, Shipping, Totals

_parse = msgspec.json.Decoder(float_hook=Decimal)
_same = json.JSONEncoder(default=str, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
_DECIMAL = re.compile(r"-?[0-9]{1,13}(\.[0-9]{1,6})?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _as_decimal(value: object) -> Decimal:
    """Strings by contract; plain JSON numbers are taken as well. No exponents, no NaN, 13.6 digits."""
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise ValueError("must be a decimal number as text")  # noqa: TRY004 - pydantic wants ValueError
    return _plain(str(value))


# Amounts, rates and dates come again and again.
@lru_cache(maxsize=20_000)
def _plain(text: str) -> Decimal:
    if not _DECIMAL.fullmatch(text):
        raise ValueError("must be a plain decimal number, of at most 13 digits and 6 decimals")
    return Decimal(text)


def _as_date(value: object) -> date:
    """A calendar date and nothing that merely could be read as one, such as a number of seconds."""
    if not isinstance(value, str):
        raise ValueError("must be a date as YYYY-MM-DD")  # noqa: TRY004 - pydantic wants ValueError
    return _day(value)


@lru_cache(maxsize=5_000)
def _day(text: str) -> date:
    if not _DATE.fullmatch(text):
        raise ValueError("must be a date as YYYY-MM-DD")
    return date.fromisoformat(text)


WireDecimal = Annotated[Decimal, BeforeValidator(_as_decimal)]
WireDate = Annotated[date, BeforeValidator(_as_date)]
ID_LIMIT = 64
NUMBER_LIMIT = 255
_AMOUNTS = {"total", "amountPaid", "amountCredited", "amountDue"}


class _Wire(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, extra="ignore", frozen=True)


class _Address(_Wire):
    line1: str | None = None
    line2: str | None = None
    city: str | None = None
    region: str | None = None
    postal_code: str | None = None


class _Contact(_Wire):
    id: str = Field(min_length=1, max_length=ID_LIMIT)
    name: str
    email: str | None = None
    vat_number: str | None = None
    phone: str | None = None
    country_code: str | None = None
    address: _Address | None = None


class _Line(_Wire):
    id: str
    sku: str | None = None
    name: str
    quantity: WireDecimal
    unit_price: WireDecimal
    fulfilled_quantity: WireDecimal | None = None
    discount_percent: WireDecimal | None = None
    tax_rate: WireDecimal
    tax_code: str | None = None
    category: str | None = None


class _Shipping(_Wire):
    amount: WireDecimal
    tax_rate: WireDecimal


class _Totals(_Wire):
    net: WireDecimal
    tax: WireDecimal
    gross: WireDecimal


class _Order(_Wire):
    id: str = Field(min_length=1, max_length=ID_LIMIT)
    kind: Kind
    reference: str = Field(min_length=1)
    external_reference: str | None = None
    status: str
    fulfilment_status: str
    currency: str = Field(pattern="^[A-Z]{3}$")
    order_date: WireDate
    billing_date: WireDate | None = None
    due_date: WireDate | None = None
    expected_delivery_date: WireDate | None = None
    prices_include_tax: bool
    contact: _Contact
    warehouse: str | None = None
    channel: str | None = None
    lines: list[_Line] = Field(min_length=1)
    shipping: _Shipping | None = None
    totals: _Totals
    updated_at: datetime


# A NUL within JSON text: no name has one, and no database takes it.
_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")


@dataclass(frozen=True, slots=True)
class Record:
    """An order as it came, before anybody asks whether it keeps to the contract.

    `payload` is its JSON text, `revision` the digest of it without `accounting` and `updatedAt`; `accounting` is its
    link as `shown` writes it. The other fields are what could be read of it.
    """

    kind: Kind
    id: str
    revision: str
    payload: str
    reference: str
    updated_at: str
    accounting: str = ""


def record(raw: object, kind: Kind) -> Record:
    """Take one row of a listing in; nothing is so broken that it would be lost."""
    payload = _NUL.sub(r"\1", _text(raw if isinstance(raw, dict) else {"not an object": raw}))
    row: Mapping[str, Any] = _parse.decode(payload)
    facts = _text({k: v for k, v in row.items() if k not in {"accounting", "updatedAt"}})
    return Record(
        kind=kind,
        id=_id(row.get("id"), facts),
        revision=_digest(facts),
        payload=payload,
        reference=str(row.get("reference") or "?"),
        updated_at=moment(row.get("updatedAt")),
        accounting=shown(row.get("accounting")),
    )


def link_body(link: AccountingLink, synced_at: datetime) -> dict[str, Any]:
    """A link as Monstock takes it."""
    return {
        "provider": "xero",
        "documentType": link.document_type,
        "documentId": link.document_id,
        "documentNumber": link.document_number[:NUMBER_LIMIT],
        "status": link.status,
        "currency": link.currency,
        "total": plain(link.total),
        "amountPaid": plain(link.paid),
        "amountCredited": plain(link.credited),
        "amountDue": plain(link.due),
        "issuedOn": _date_text(link.issued_on),
        "dueOn": _date_text(link.due_on),
        "fullyPaidOn": _date_text(link.fully_paid_on),
        "url": link.url,
        "syncedAt": synced_at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
    }


def shown(link: Any) -> str:
    """A link as text in which two are equal that say the same, whenever they were written; empty for none."""
    if not isinstance(link, dict):
        return ""
    told = {k: v for k, v in link.items() if v is not None and k != "syncedAt"}
    return _text(told | {k: _amount(told[k]) for k in _AMOUNTS & set(told)})


def order(payload: str, revision: str) -> Order:
    """Read an order from its JSON text. Raises `Unreadable` with the field and what is wrong with it."""
    try:
        wire = _Order.model_validate(_parse.decode(payload))
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        raise Unreadable(field, f"{field}: {first['msg']} (it is {first['input']!r:.80})") from None
    return Order(
        kind=wire.kind,
        id=wire.id,
        reference=wire.reference,
        revision=revision,
        status=wire.status,
        fulfilment=wire.fulfilment_status,
        currency=wire.currency,
        order_date=wire.order_date,
        prices_include_tax=wire.prices_include_tax,
        contact=_contact(wire.contact),
        lines=tuple(OrderLine(**vars(line)) for line in wire.lines),
        totals=Totals(**vars(wire.totals)),
        updated_at=wire.updated_at,
        external_reference=wire.external_reference,
        billing_date=wire.billing_date,
        due_date=wire.due_date,
        expected_delivery_date=wire.expected_delivery_date,
        warehouse=wire.warehouse,
        channel=wire.channel,
        shipping=Shipping(**vars(wire.shipping)) if wire.shipping else None,
    )


def moment(stamp: object) -> str:
    """A time in UTC, as text that sorts by time; empty if it is none, for it must not become a cursor."""
    try:
        found = datetime.fromisoformat(str(stamp))
        return found.astimezone(UTC).isoformat().replace("+00:00", "Z") if found.tzinfo else ""
    except (ValueError, OverflowError):
        return ""


def sortable(stamp: str) -> str:
    """Monstock's stamp in one form, so that the newer one sorts later; what cannot be read counts as new."""
    when = datetime.fromisoformat(stamp) if stamp else datetime.now(UTC)
    return when.astimezone(UTC).isoformat(timespec="microseconds")


def _text(value: object) -> str:
    """JSON that is the same for the same facts; numbers with a fraction become text, digit by digit."""
    return _same.encode(value)


def _amount(value: object) -> object:
    try:
        return plain(Decimal(str(value)))
    except InvalidOperation:
        return value


def _date_text(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _id(given: object, facts: str) -> str:
    """The order's id, or where it has none that can be kept, one made of what is there."""
    name = str(given or "")
    if 0 < len(name) <= ID_LIMIT:
        return name
    return f"unreadable-{_digest(name or facts)}"


def _contact(wire: _Contact) -> Contact:
    address = Address(**vars(wire.address)) if wire.address else None
    return Contact(**vars(wire) | {"address": address})
