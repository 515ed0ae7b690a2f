"""Both sides made by hand: an order with its document, in agreement unless something else is said."""

import datetime as dt
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from tasks.comparing.sides import OURS, Sides
from tasks.comparing.terms import Terms

Row = Mapping[str, Any]
NOW = dt.datetime(2026, 11, 24, 2, 30, tzinfo=dt.UTC)
DAY = dt.date(2026, 11, 10)
WRITTEN = NOW - dt.timedelta(days=5)
OTHER_TEXTS = (
    "shown_type shown_id shown_number shown_status shown_currency sent_in failed match_skipped reason"
)
SHOWN = ("total", "paid", "credited", "due")

_ORDER: dict[str, Any] = {
    "kind": "customer", "contact_name": "Acme", "currency": "GBP", "net": 10_000, "gross": 12_000,
    "received": None, "taxes": '{"OUTPUT2":["100.00","20.00"]}', "status": "confirmed", "state": "exported",
    "since": WRITTEN, "findings": "", "revision": "r1", "listed_at": NOW, "run_id": "run", "date": DAY,
    "document_id": "", "document_type": "", "origin": "", "written_status": "",
    "written_reference": "", "written_contact_id": "", "written_currency": "", "written_net": None,
    "written_tax": None, "written_date": None, "written_due_date": None, "written_line_count": None,
    "written_lines": "", "written_revision": "", "written_run_id": "", "written_number": "", "written_gross": None,
    "written_at": None, "match_since": None, "changed_at": WRITTEN, "unlisted": False, "fresh": False,
    **dict.fromkeys(OTHER_TEXTS.split(), ""), **{f"shown_{name}": None for name in SHOWN},
    "shown_issued": None, "shown_due_on": None, "shown_paid_on": None,
}  # fmt: skip
_DOCUMENT: dict[str, Any] = {
    "type": "ACCREC", "reference": "PO-1", "mark": "", "contact_id": "c1", "contact_name": "Acme",
    "currency": "GBP", "net": 10_000, "tax": 2_000, "gross": 12_000, "paid": 0, "credited": 0, "due": 12_000,
    "date": DAY, "due_date": DAY + dt.timedelta(days=30), "paid_on": None, "status": "AUTHORISED", "sent": False,
    "line_count": 2, "lines": "digest", "taxes": '{"OUTPUT2":["100.00","20.00"]}', "standing": "linked",
    "since": WRITTEN, "findings": "", "skipped": "", "unreadable": False, "role": "", "changed_at": WRITTEN,
    "within": True,
}  # fmt: skip
_BELONGS: dict[str, Any] = {
    "kind": "customer", "role": "", "generation": 0, "origin": "", "state": "linked", "order": "", "rank": 0,
    "is_primary": False, "own": False, "weight": None, "weights": None,
}  # fmt: skip
_CENTS = {"net", "tax", "gross", "received", "paid", "credited", "due", "total", "weight", "weights"}
_DAYS = {"date", "due_date", "paid_on", "issued", "due_on"}
_MOMENTS = {"since", "listed_at", "written_at", "match_since", "changed_at"}
_COUNTS = {"line_count", "generation", "rank"}
_FLAGS = {"sent", "unreadable", "within", "unlisted", "fresh", "is_primary", "own"}


@dataclass(frozen=True)
class Part:
    """Some rows of each side."""

    orders: Sequence[Row] = ()
    documents: Sequence[Row] = ()
    belongs: Sequence[Row] = field(default=())


def order(id_: str = "1", **changes: Any) -> Part:
    """An order without a document."""
    return Part(orders=[{**_ORDER, "order_id": id_, "reference": f"CO-{id_}", **changes}])


def document(id_: str = "x1", **changes: Any) -> Part:
    """A document that stands alone."""
    given = {**_DOCUMENT, "standing": "unmatched", "document_id": id_, "number": f"INV-{id_}", **changes}
    return Part(documents=[given])


def pair(id_: str = "1", ours: Row | None = None, theirs: Row | None = None) -> Part:
    """An order and its own document, which says what our last write left; then what is changed on either side."""
    (one,) = order(id_).orders
    own = {
        **_DOCUMENT, "document_id": f"d{id_}", "number": f"MS-CO-{id_}", "role": "sale",
    }  # fmt: skip
    names = (
        "status",
        "reference",
        "contact_id",
        "currency",
        "net",
        "tax",
        "date",
        "due_date",
        "line_count",
        "lines",
    )
    written = {f"written_{name}": own[name] for name in names}
    written |= {
        "document_id": own["document_id"], "document_type": "invoice", "origin": "made",
        "written_revision": "r1", "written_run_id": "run", "written_number": own["number"],
        "written_gross": own["gross"], "written_at": WRITTEN,
    }  # fmt: skip
    made, stands = {**one, **written, **(ours or {})}, {**own, **(theirs or {})}
    if made["origin"] not in OURS or made["written_run_id"].startswith("person: "):
        stands["role"] = "settled"
    link = belongs(
        id_, stands["document_id"], kind=made["kind"], role="sale", generation=1, origin=made["origin"]
    )
    return Part([made], [stands], link.belongs)


def belongs(order_id: str, document_id: str, **changes: Any) -> Part:
    """A document that belongs to an order."""
    row = {**_BELONGS, "order_id": order_id, "document_id": document_id, **changes}
    row["own"] = row["origin"] in {"made", "adopted"}
    return Part(belongs=[row])


def beside(order_id: str, id_: str, kind: str = "customer", **changes: Any) -> Part:
    """A document that people made beside an order's own; `weight` and `weights` say of whom it is."""
    shares = {name: changes.pop(name) for name in ("weight", "weights") if name in changes}
    made = document(id_, standing="linked", role="beside", **changes)
    return Part(documents=made.documents, belongs=belongs(order_id, id_, kind=kind, **shares).belongs)


def note(order_id: str, id_: str, kind: str = "customer", **changes: Any) -> Part:
    """A credit note of ours."""
    given = {"type": "ACCRECCREDIT", "standing": "linked", "role": "return-1", "due": 0, "status": "PAID"}
    made = document(id_, **{**given, **changes})
    link = belongs(order_id, id_, kind=kind, role="return-1", generation=1, origin="made")
    return Part(documents=made.documents, belongs=link.belongs)


def sides(*parts: Part) -> Sides:
    """All of these, laid side by side."""
    orders = [row for part in parts for row in part.orders]
    documents = [row for part in parts for row in part.documents]
    belonging = [{**row, "rank": at} for at, row in enumerate(row for part in parts for row in part.belongs)]
    return Sides(
        _frame(orders, [*_ORDER, "order_id", "reference"]),
        _frame(documents, [*_DOCUMENT, "document_id", "number"]),
        _frame(belonging, [*_BELONGS, "order_id", "document_id"]),
    )


def terms(**changes: Any) -> Terms:
    """What the night goes by."""
    return Terms(**{"now": NOW, "known_until": NOW, **changes})


def findings(cause: str, detail: str = "so it is") -> str:
    """What was found, as the ledger keeps it."""
    return json.dumps([{"cause": cause, "detail": detail}])


def told(frames: Iterable[pd.DataFrame], *names: str) -> list[tuple[Any, ...]]:
    """Kind and these columns of everything found."""
    found = pd.concat([frame for frame in frames if len(frame)] or [pd.DataFrame(columns=["kind", *names])])
    rows = found[["kind", *names]].itertuples(index=False, name=None)
    return sorted(tuple(None if value is pd.NA else value for value in row) for row in rows)


def nobody(of: Sides) -> "pd.Series[bool]":
    """No document was edited."""
    return pd.Series(False, index=of.orders.index)


def everybody(of: Sides) -> "pd.Series[bool]":
    """Every document was edited."""
    return ~nobody(of)


def _frame(rows: Sequence[Row], names: Sequence[str]) -> pd.DataFrame:
    return pd.DataFrame({name: _column(name, [row[name] for row in rows]) for name in names})


def _column(name: str, values: Sequence[Any]) -> "pd.Series[Any]":
    plain = name if name in _MOMENTS else name.removeprefix("written_").removeprefix("shown_")
    if plain in _CENTS | _COUNTS:
        return pd.Series(values, dtype="Int64")
    if plain in _DAYS:
        return pd.Series(pd.to_datetime(list(values))).astype("datetime64[s]")
    if plain in _MOMENTS:
        return pd.Series(pd.to_datetime(list(values), utc=True)).astype("datetime64[us, UTC]")
    return pd.Series(values, dtype="bool" if plain in _FLAGS else "str")
