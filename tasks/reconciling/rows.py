"""A discrepancy as a row of texts: the same words on the page and in the artifact."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pandas as pd

from tasks.domain.discrepancies import MEANINGS, DiscrepancyKind
from tasks.reconciling.amounts import plain, shown
from tasks.reconciling.night import Night

SHOWN = [
    "id", "kind", "state", "order_kind", "order", "document_type", "number", "contact", "currency", "date", "ours",
    "theirs", "difference", "since", "first_seen", "cause", "repair", "reason", "order_url", "document_url",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """One discrepancy. `age` counts minutes; `amount` is the difference for programs, "" where there is none."""

    id: str
    kind: str
    state: str
    order_kind: str
    order: str
    document: str
    document_type: str
    contact: str
    currency: str
    date: str
    ours: str
    theirs: str
    difference: str
    amount: str
    age: int
    since: str
    cause: str
    repair: str
    advice: str
    reason: str
    order_url: str
    document_url: str

    @property
    def old(self) -> str:
        """The age in the largest unit that says it."""
        if self.age < 60:
            return f"{self.age} min"
        return f"{self.age // 60} h" if self.age < 48 * 60 else f"{self.age // (24 * 60):,} d"


def rows(night: Night, frame: pd.DataFrame, limit: int) -> list[Row]:
    """The first discrepancies of a part of the night's, the largest difference first, then the oldest."""
    sizes = frame["difference"].abs().fillna(-1)
    since = frame["since"].fillna(frame["first_seen"])
    order = pd.DataFrame({"size": sizes, "since": since}).sort_values(
        ["size", "since"], ascending=[False, True], kind="stable"
    )
    first = frame.loc[order.index[:limit], SHOWN]
    age = (pd.Timestamp(night.ended) - since.loc[first.index]).dt.total_seconds().fillna(0) // 60
    return [
        _row(facts, int(max(0, minutes)))
        for facts, minutes in zip(first.to_dict("records"), age.tolist(), strict=True)
    ]


def _row(facts: dict[Any, Any], age: int) -> Row:
    text = {name: "" if pd.isna(value) else str(value) for name, value in facts.items()}
    difference = facts["difference"]
    known = not pd.isna(difference)
    return Row(
        id=text["id"],
        kind=text["kind"],
        state=text["state"],
        order_kind=text["order_kind"],
        order=text["order"],
        document=text["number"],
        document_type=text["document_type"],
        contact=text["contact"],
        currency=text["currency"],
        date=text["date"][:10],
        ours=text["ours"],
        theirs=text["theirs"],
        difference=shown(int(difference)) if known else "",
        amount=plain(int(difference)) if known else "",
        age=age,
        since=text["since"][:16],
        cause=text["cause"],
        repair=text["repair"],
        advice=MEANINGS[DiscrepancyKind(text["kind"])].advice,
        reason=text["reason"],
        order_url=link(text["order_url"]),
        document_url=link(text["document_url"]),
    )


def link(address: str) -> str:
    """The address if a browser may be sent there, else ""."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    return address if parts.scheme in {"http", "https"} and parts.netloc else ""
