"""Rows of the ledger as typed columns: whole cents, dates, moments in UTC; texts are "" where unknown."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import pandas as pd
from sqlalchemy import Connection, Select

_AMOUNTS = {"net", "tax", "gross", "total", "paid", "credited", "due", "weight", "weights", "received"}
_DATES = {"date", "due_date", "paid_on", "issued", "due_on"}
_MOMENTS = {"since", "written_at", "match_since", "listed_at", "changed_at"}
_COUNTS = {"line_count", "rank", "generation"}
_FLAGS = {"sent", "unreadable", "own", "is_primary"}
_PREFIXES = ("written_", "shown_")
_PRIMARY = ("sale", "purchase")
_KEYS = ["kind", "order_id", "document_id"]


class _Shown(msgspec.Struct, rename="camel"):
    """A link as Monstock shows it, as far as it is compared; what is not there is empty."""

    document_type: str = ""
    document_id: str = ""
    document_number: str = ""
    status: str = ""
    currency: str = ""
    total: str | None = None
    amount_paid: str | None = None
    amount_credited: str | None = None
    amount_due: str | None = None
    issued_on: str | None = None
    due_on: str | None = None
    fully_paid_on: str | None = None


_SHOWN = {
    "document_type": "type",
    "document_id": "id",
    "document_number": "number",
    "status": "status",
    "currency": "currency",
    "total": "total",
    "amount_paid": "paid",
    "amount_credited": "credited",
    "amount_due": "due",
    "issued_on": "issued",
    "due_on": "due_on",
    "fully_paid_on": "paid_on",
}
_read_shown = msgspec.json.Decoder(_Shown, strict=False)


def frame(tx: Connection, query: Select[Any]) -> pd.DataFrame:
    """The rows of a query, untyped yet."""
    result = tx.execute(query)
    return pd.DataFrame(result.fetchall(), columns=list(result.keys()))


def joined(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Frames of the same columns, one below the other."""
    full = [one for one in frames if len(one)]
    return pd.concat(full or list(frames)[:1], ignore_index=True)


def order_frame(rows: pd.DataFrame, under_way: Mapping[tuple[str, str], str]) -> pd.DataFrame:
    """Orders with what Monstock shows of them (`shown_*`), and the run in which their writing began (`sent_in`)."""
    keys = zip(rows["kind"], rows["order_id"], strict=True)
    sent = pd.Series([under_way.get(key, "") for key in keys], index=rows.index, dtype="str")
    shown = _shown(rows["shown"])
    changed = pd.to_datetime(rows["updated_at"].replace("", None), utc=True, format="ISO8601")
    wide = pd.concat([rows.drop(columns=["shown", "updated_at"]), shown], axis=1)
    return typed(wide.assign(sent_in=sent, changed_at=changed))


def document_frame(rows: pd.DataFrame) -> pd.DataFrame:
    """Documents, each once; `gross` is their total."""
    once = rows.drop_duplicates("document_id", ignore_index=True)
    changed = pd.to_datetime(once["modified"].replace("", None), utc=True, format="ISO8601")
    return typed(once.rename(columns={"total": "gross"}).drop(columns="modified").assign(changed_at=changed))


def belongs_frame(made: pd.DataFrame, said: pd.DataFrame, shares: pd.DataFrame) -> pd.DataFrame:
    """What belongs to what, by `rank`: ours first, the newest generation, the primary one, then as people made it.

    Where a document serves several orders, `weight` is the order's net and `weights` that of all of them; 1 and how
    many they are, where those nets come to nothing.
    """
    ours = made.assign(state="linked", group=0, since=made["updated_at"], order="").drop(columns="updated_at")
    people = said.drop_duplicates(_KEYS).assign(group=1, origin="", role="", generation=0)
    both = pd.concat(
        [one for one in (ours, people) if len(one)] or [people.assign(role="")], ignore_index=True
    )
    both = both.assign(is_primary=both["role"].isin(_PRIMARY), own=both["origin"].isin(["made", "adopted"]))
    by = ["group", "generation", "is_primary", "role", "since", "document_id"]
    both = both.sort_values(by, ascending=[True, False, False, True, True, True], kind="stable")
    both = both.drop_duplicates([*_KEYS, "state"], ignore_index=True).assign(
        rank=lambda rows: range(len(rows))
    )
    linked = shares[(shares["state"] == "linked") & shares["document_id"].duplicated(keep=False)]
    sums = linked.assign(weight=cents(linked["net"]).fillna(0))[[*_KEYS, "weight"]]
    of = sums.groupby("document_id")["weight"]
    sums = sums.assign(weights=of.transform("sum"), alike=of.transform("size"))
    nothing = sums["weights"] == 0
    sums = sums.assign(
        weight=sums["weight"].mask(nothing, 1), weights=sums["weights"].mask(nothing, sums["alike"])
    ).drop(columns="alike")
    both = both.drop(columns=["net", "group", "since"], errors="ignore").merge(sums, how="left", on=_KEYS)
    return typed(both)


def typed(rows: pd.DataFrame) -> pd.DataFrame:
    """Each column by what its name says it is."""
    return pd.DataFrame({name: _column(str(name), rows[name]) for name in rows.columns}, index=rows.index)


def cents(amounts: "pd.Series[Any]") -> "pd.Series[int]":
    """Amounts written as text, as whole cents; none stays none."""
    return pd.to_numeric(amounts.replace("", None)).mul(100).round().astype("Int64")


def _column(name: str, values: "pd.Series[Any]") -> "pd.Series[Any]":
    for prefix in _PREFIXES:
        name = name if name in _MOMENTS else name.removeprefix(prefix)
    if name in _AMOUNTS:
        return values.astype("Int64") if name.startswith("weight") else cents(values)
    if name in _DATES:
        return pd.to_datetime(values, errors="coerce").astype("datetime64[s]")
    if name in _MOMENTS:
        return pd.to_datetime(values, utc=True).astype("datetime64[us, UTC]")
    if name in _COUNTS:
        return pd.to_numeric(values).astype("Int64")
    if name in _FLAGS:
        return values.fillna(0).astype(bool)
    return values.astype("str").where(values.notna(), "").astype("str")


def _shown(texts: "pd.Series[Any]") -> pd.DataFrame:
    """What Monstock shows, column by column; a link that cannot be read shows as if there was none."""
    links = list(map(_read, texts))
    return pd.DataFrame(
        {f"shown_{new}": [getattr(link, old) for link in links] for old, new in _SHOWN.items()},
        index=texts.index,
    )


def _read(text: object) -> _Shown:
    try:
        return _read_shown.decode(text) if isinstance(text, str) and text else _Shown()
    except msgspec.MsgspecError:
        return _Shown()
