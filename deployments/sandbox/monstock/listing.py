"""Listings: filters, order, and the opaque cursor that is good for 24 hours."""

import base64
import hashlib
from collections.abc import Callable
from typing import Any

from deployments.sandbox.codec import Json, NotJsonError, decode, encode
from deployments.sandbox.monstock.problems import ProblemError
from deployments.sandbox.monstock.times import calendar, micros
from deployments.sandbox.store import Filter, Store

STATUSES = ("draft", "confirmed", "cancelled")
CURSOR_SECONDS = 24 * 3600


def _status(text: str) -> str:
    if text not in STATUSES:
        raise ValueError(f"must be one of {', '.join(STATUSES)}")
    return text


_CONTACTS: dict[str, tuple[str, Callable[[str], Any]]] = {"updatedSince": ("updated >= ?", micros)}
_ORDERS = {
    **_CONTACTS,
    "updatedBefore": ("updated < ?", micros),
    "orderDateFrom": ("date >= ?", calendar),
    "orderDateTo": ("date <= ?", calendar),
    "status": ("status = ?", _status),
}


def page(store: Store, kind: str, query: dict[str, str], now: float) -> Json:
    """One page of a listing."""
    known = _CONTACTS if kind == "contact" else _ORDERS
    filters = {name: text for name, text in query.items() if name not in ("cursor", "limit")}
    where, limit = Filter(), _limit(query.get("limit", "100"))
    for name, text in filters.items():
        where &= _filter(known, name, text)
    if "cursor" in query:
        updated, key = _opened(query["cursor"], kind, filters, now)
        where &= Filter("(updated, id) > (?, ?)", (updated, key))
    rows = store.find("", kind, where, limit=limit + 1)
    more = len(rows) > limit
    rows = rows[:limit]
    return {"data": rows, "nextCursor": _sealed(kind, filters, rows[-1], now) if more else None}


def _filter(known: dict[str, tuple[str, Callable[[str], Any]]], name: str, text: str) -> Filter:
    if name not in known:
        raise ProblemError(400, f"There is no parameter {name}.", [(f"/{name}", "is not a parameter")])
    sql, read = known[name]
    try:
        return Filter(sql, (read(text),))
    except ValueError as error:
        raise ProblemError(400, f"{name} cannot be read.", [(f"/{name}", str(error))]) from error


def _limit(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 250):
        raise ProblemError(400, "limit must be 1 to 250.", [("/limit", "must be an integer from 1 to 250")])
    return int(text)


def _digest(kind: str, filters: dict[str, str]) -> str:
    return hashlib.sha256(encode([kind, sorted(filters.items())])).hexdigest()[:16]


def _sealed(kind: str, filters: dict[str, str], last: Json, now: float) -> str:
    place = [_digest(kind, filters), now, micros(last["updatedAt"]), last["id"]]
    return base64.urlsafe_b64encode(encode(place)).decode().rstrip("=")


def _opened(cursor: str, kind: str, filters: dict[str, str], now: float) -> tuple[int, str]:
    try:
        digest, born, updated, key = decode(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, TypeError, NotJsonError) as error:
        raise ProblemError(400, "This is no cursor of ours.", [("/cursor", "cannot be read")]) from error
    if digest != _digest(kind, filters):
        raise ProblemError(400, "The cursor belongs to another listing.", [("/cursor", "other filters")])
    if now - float(born) > CURSOR_SECONDS:
        raise ProblemError(400, "The cursor is older than 24 hours.", [("/cursor", "has expired")])
    return int(updated), str(key)
