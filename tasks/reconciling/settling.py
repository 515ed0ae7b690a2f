"""Brings the parts of a comparison together: what stands, what is known of it, what has ended."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pandas as pd

from tasks.comparing.control_totals import AMOUNTS, TOTALS
from tasks.comparing.sides import money
from tasks.connections.connection import Connection
from tasks.domain.discrepancies import MEANINGS, DiscrepancyKind
from tasks.ledger.discrepancies import Told
from tasks.reconciling.comparing import SUBJECT, Compared, with_links
from tasks.reconciling.expected import with_repairs
from tasks.reconciling.night import COLUMNS, DAYS
from tasks.reconciling.window import Window


@dataclass(frozen=True)
class Settled:
    """A whole comparison. `rows` are the discrepancies of `COLUMNS`, with `document_status` besides."""

    orders: int
    documents: int
    pairs: int
    matched: int
    rows: pd.DataFrame
    totals: pd.DataFrame
    days: pd.DataFrame


def settle(
    connection: Connection,
    parts: Sequence[Compared],
    window: Window,
    run_id: str,
    repaired: Iterable[str] = (),
    short_code: str | None = None,
    *,
    complete: bool,
) -> Settled:
    """Note every discrepancy with its life. Only a complete reading ends those that are found no more."""
    found = pd.concat([part.discrepancies for part in parts], ignore_index=True)
    found = found.drop_duplicates(SUBJECT, ignore_index=True)
    found = with_repairs(connection, found, {key: one for part in parts for key, one in part.behind.items()})
    known = connection.discrepancies.note(_told(found), window.now, run_id)
    standing = _standing(found, [known[id_] for id_ in found["id"]])
    ended = _ended(connection, parts, found, repaired, window.now, run_id) if complete else standing.iloc[:0]
    rows = with_links(connection, pd.concat([standing, ended], ignore_index=True), short_code)
    return Settled(
        orders=sum(part.orders for part in parts),
        documents=sum(part.documents for part in parts),
        pairs=sum(part.pairs for part in parts),
        matched=sum(part.matched for part in parts),
        rows=_typed(rows),
        totals=window.months_of(_sum([part.totals for part in parts], list(TOTALS))),
        days=window.days_of(_sum([part.days for part in parts], list(DAYS[:2]))),
    )


def together(first: Settled, second: Settled | None) -> Settled:
    """Two comparisons of one night: the second, with what the first alone found or ended; the first, if it is alone."""
    if second is None:
        return first
    alone = first.rows[~first.rows["id"].isin(second.rows["id"])]
    return replace(second, rows=pd.concat([second.rows, alone], ignore_index=True))


def _told(found: pd.DataFrame) -> list[Told]:
    names = ["id", "kind", "order_kind", "order_id", "document_id", "ours", "theirs", "cause", "reason"]
    rows = [dict(zip(names, row, strict=True)) for row in found[names].itertuples(index=False, name=None)]
    amounts = [amount or None for amount in money(found["difference"])]
    since = [when.to_pydatetime() if pd.notna(when) else None for when in found["since"]]
    return [
        Told(**row, difference=amount, since=at) for row, amount, at in zip(rows, amounts, since, strict=True)
    ]


def _standing(found: pd.DataFrame, known: Sequence[Any]) -> pd.DataFrame:
    return found.assign(
        state=[one.state.value for one in known],
        first_seen=pd.to_datetime([one.first_seen for one in known], utc=True),
        since=pd.to_datetime([one.since for one in known], utc=True),
        reason=[one.reason for one in known],
    )


def _ended(
    connection: Connection,
    parts: Iterable[Compared],
    found: pd.DataFrame,
    repaired: Iterable[str],
    now: datetime,
    run_id: str,
) -> pd.DataFrame:
    """What was known, was looked at, and is not there any more."""
    looked_at = frozenset[str]().union(*(part.looked_at for part in parts))
    ended = connection.discrepancies.end(looked_at - set(found["id"]), repaired, now, run_id)
    rows = [
        {
            "id": row.id,
            "kind": row.kind,
            "state": row.state,
            "order_kind": row.order_kind or "",
            "order_id": row.order_id or "",
            "order": row.reference or "",
            "document_id": row.document_id or "",
            "document_type": row.type or "",
            "document_status": "",
            "number": row.number or "",
            "contact": row.contact or "",
            "currency": row.currency or "",
            "date": row.date,
            "ours": row.ours,
            "theirs": row.theirs,
            "difference": round(float(row.difference) * 100) if row.difference else pd.NA,
            "since": row.since,
            "first_seen": row.first_seen,
            "cause": row.cause,
            "repair": MEANINGS[DiscrepancyKind(row.kind)].repair.value,
            "reason": row.reason or "",
        }
        for row in ended
    ]
    return pd.DataFrame(
        rows, columns=[*(name for name in COLUMNS if not name.endswith("_url")), "document_status"]
    )


def _typed(rows: pd.DataFrame) -> pd.DataFrame:
    """Every column of `COLUMNS` as what it is, whatever stands in it."""
    dtypes: dict[str, Any] = {**COLUMNS, "document_status": "str"}
    full = rows[list(dtypes)].copy()
    for name, dtype in dtypes.items():
        if dtype == "str":
            full[name] = full[name].fillna("")
        elif dtype.startswith("datetime"):
            full[name] = pd.to_datetime(full[name], utc="UTC" in dtype)
    return full.astype(dtypes)


def _sum(frames: Iterable[pd.DataFrame | None], by: list[str]) -> pd.DataFrame:
    """The same cells of several parts added up."""
    given = [frame for frame in frames if frame is not None]
    full = [frame for frame in given if len(frame)]
    if not full:
        return given[0] if given else pd.DataFrame(columns=[*by, *_empty(by)])
    return pd.concat(full).groupby(by, as_index=False, observed=True).sum()


def _empty(by: list[str]) -> list[str]:
    """The columns of sums that are not there."""
    if by == list(DAYS[:2]):
        return list(DAYS[2:])
    return [f"{side}_{name}" for name in AMOUNTS for side in ("ours", "theirs", "difference", "known")]
