"""Xero's webhooks: who signed a body, and what it tells of. Nothing of it is read before its signature is known."""

import base64
import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

import msgspec

from tasks.domain.errors import Unreadable
from tasks.ledger.told import Event, Side
from tasks.xero.reading import stamp

# Bills are INVOICE too. Xero tells of no purchase order and no payment.
FOLLOWED = frozenset({"INVOICE", "CREDITNOTE", "PREPAYMENT", "OVERPAYMENT"})
# Contacts are read when they are needed.
LEFT = frozenset({"CONTACT", "SUBSCRIPTION"})

_Id = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-fA-F-]{36}\Z")]
_Word = Annotated[str, msgspec.Meta(min_length=1, max_length=40)]


class _Body(msgspec.Struct):
    events: list[msgspec.Raw]


class _Event(msgspec.Struct, rename="camel"):
    tenant_id: _Id
    resource_id: _Id
    event_category: _Word
    event_type: _Word
    event_date_utc: _Word


_body = msgspec.json.Decoder(_Body)
_event = msgspec.json.Decoder(_Event)
_BROKEN = (msgspec.MsgspecError, ValueError, OverflowError, RecursionError)


@dataclass(frozen=True, slots=True)
class Told:
    """What a body tells: events to follow, each with its organisation (lower case), and sentences on what is odd."""

    events: tuple[tuple[str, Event], ...]
    odd: tuple[str, ...]


def is_signed(body: bytes, signature: bytes, key: bytes) -> bool:
    """Whether `signature` (the header x-xero-signature) is the body's under that key. In constant time."""
    digest = hmac.digest(key, body, hashlib.sha256)
    return hmac.compare_digest(base64.b64encode(digest), signature)


def read(body: bytes) -> Told:
    """Read a body that is signed; an event that cannot be read is told as odd, and the others go on.

    Raises `Unreadable` where there is no list of events at all.
    """
    try:
        rows = _body.decode(body).events
    except _BROKEN as error:
        raise Unreadable("events", f"Xero signed what is no list of events ({error!s:.100}).") from None
    return _told(rows)


def _told(rows: Iterable[msgspec.Raw]) -> Told:
    events: list[tuple[str, Event]] = []
    odd: list[str] = []
    for row in rows:
        try:
            found = _event.decode(row)
            if found.event_category in FOLLOWED:
                events.append((found.tenant_id.lower(), _followed(found)))
            elif found.event_category not in LEFT:
                odd.append("Xero told of a category that is not known here.")
        except _BROKEN as error:
            odd.append(f"Xero signed an event that cannot be read ({error!s:.100}).")
    return Told(tuple(events), tuple(odd))


def _followed(found: _Event) -> Event:
    """A repeated event has all of this in common, and so its id."""
    changed = stamp(_utc(found.event_date_utc))
    tenant, resource = found.tenant_id.lower(), found.resource_id.lower()
    facts = "\n".join((tenant, found.event_category, resource, changed, found.event_type))
    id_ = hashlib.sha256(facts.encode()).hexdigest()
    return Event(id_, Side.documents, found.event_category, resource, changed)


def _utc(text: str) -> datetime:
    """It bears no zone, and is UTC."""
    when = datetime.fromisoformat(text)
    return when if when.tzinfo else when.replace(tzinfo=UTC)
