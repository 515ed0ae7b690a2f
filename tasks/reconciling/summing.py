"""What a night comes to: the sums that the page, the artifact and the alert all tell alike."""

import json
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd

from tasks.domain.discrepancies import MEANINGS, DiscrepancyKind, Life
from tasks.reconciling.night import AMOUNTS, TOTALS, Night

STANDING = (Life.open, Life.seen)
AGES = {"today": 1, "2-7 days": 7, "8-30 days": 30, "older": None}  # up to which day each reaches
SIDES = ("ours", "theirs", "difference")
# Kinds that differ in an amount, or in what it is of, whether a size is known or not.
_OF_AMOUNTS = [
    kind.value
    for kind in (
        DiscrepancyKind.currency,
        DiscrepancyKind.amount,
        DiscrepancyKind.not_followed,
        DiscrepancyKind.over_billed,
    )
]
CENTS = [f"{side}_{amount}" for amount in AMOUNTS for side in SIDES]


@dataclass(frozen=True, slots=True)
class OfKind:
    """The discrepancies of one kind: how many are new, how many of each age in AGES, sizes in cents by currency."""

    kind: str
    sentence: str
    new: int
    ages: tuple[int, ...]
    money: dict[str, int]

    @property
    def count(self) -> int:
        """All of them."""
        return sum(self.ages)


@dataclass(frozen=True, slots=True)
class Group:
    """The control totals of a currency and a kind of document: their sums, and a row for each month and tax type."""

    currency: str
    kind: str
    sums: dict[str, int]
    rows: list[dict[Hashable, Any]]


def money(night: Night) -> dict[str, int]:
    """The size of what stands, in cents by currency: for each order with its document the largest difference, once.

    Nothing is set off: one euro too much and one too little are two euros.
    """
    standing = night.standing(*STANDING)
    sizes = standing.assign(size=standing["difference"].abs())[standing["difference"].notna()]
    largest = sizes.groupby(["currency", "order_kind", "order_id", "document_id"], dropna=False)["size"].max()
    return _by_currency(largest.groupby(level="currency").sum())


def unsized(night: Night) -> bool:
    """Whether any of what stands is about amounts that no one currency tells, so that `money` lacks it."""
    standing = night.standing(*STANDING)
    return bool((standing["difference"].isna() & standing["kind"].isin(_OF_AMOUNTS)).any())


def agrees(night: Night) -> bool:
    """Whether both sides were read whole and nothing differs that a person has not accepted."""
    if not night.complete or not night.standing(*STANDING).empty or unexplained(night):
        return False
    return not alone(night)


def alone(night: Night) -> int:
    """How many pairs do not agree in everything, though there is no discrepancy."""
    return night.compared - night.matched if night.discrepancies.empty else 0


def quarrel(night: Night) -> str:
    """What differs and no discrepancy explains, in a word by which it is known again; "" if nothing."""
    found = {**unexplained(night), "pairs": alone(night)}
    return json.dumps(found, sort_keys=True) if any(found.values()) else ""


def apart(night: Night) -> dict[str, int]:
    """By how many cents the control totals differ, by currency: the largest amount of each row, nothing set off."""
    return _largest(night, "difference")


def unexplained(night: Night) -> dict[str, int]:
    """The same of what no discrepancy explains, neither one that stands nor one that is accepted: row by row."""
    return _largest(night, "difference", "known")


def marked(night: Night) -> pd.DataFrame:
    """The control totals in the order people read them, months as "2026-10"; `differs` says whether any amount does."""
    totals = night.totals
    if totals.empty:
        return pd.DataFrame(columns=[*TOTALS, *CENTS, "differs"])
    differs = (totals[[f"difference_{amount}" for amount in AMOUNTS]] != 0).any(axis=1)
    months = totals["month"].astype(str).str[:7]
    return totals.assign(month=months, differs=differs).sort_values(
        ["currency", "kind", "month", "tax_type"], kind="stable", ignore_index=True
    )


def differing(night: Night) -> pd.DataFrame:
    """The control totals that differ in any amount."""
    totals = marked(night)
    return totals[totals["differs"].astype(bool)]


def share(night: Night) -> str:
    """The pairs that agree in everything, in percent and rounded down.

    It is 100 % only where nothing at all differs and everything was read; where all pairs agree and something else
    does not, it says so in words.
    """
    if not night.compared:
        return "no pairs"
    parts = night.matched * 10_000 // night.compared
    if parts < 10_000:
        return f"{parts / 100:.2f} %"
    if night.complete and night.standing(*STANDING, Life.accepted).empty and differing(night).empty:
        return "100 %"
    return "every pair, but not everything"


def days_old(frame: pd.DataFrame, moment: datetime) -> "pd.Series[Any]":
    """How many whole days ago each came to be; 0 where nobody knows."""
    since = frame["since"].fillna(frame["first_seen"])
    days: pd.Series[Any] = (pd.Timestamp(moment) - since).dt.days
    return days.fillna(0).clip(lower=0).astype(int)


def by_kind(night: Night) -> list[OfKind]:
    """What stands, the most frequent kind first."""
    standing = night.standing(*STANDING)
    if standing.empty:
        return []
    limits = [-1, *(limit - 1 for limit in AGES.values() if limit is not None), float("inf")]
    ages = pd.cut(days_old(standing, night.ended), limits, labels=list(AGES))
    counted = pd.crosstab(standing["kind"], ages).reindex(columns=list(AGES), fill_value=0)
    new = (standing["state"] == Life.open.value).groupby(standing["kind"]).sum()
    sizes = (
        standing["difference"]
        .abs()
        .groupby([standing["kind"], standing["currency"]])
        .sum(min_count=1)
        .dropna()
    )
    found = [
        OfKind(
            kind=str(kind),
            sentence=sentence_of(str(kind)),
            new=int(new[kind]),
            ages=tuple(int(count) for count in counts),
            money=_by_currency(sizes[kind]) if kind in sizes.index else {},
        )
        for kind, counts in zip(counted.index, counted.to_numpy().tolist(), strict=True)
    ]
    return sorted(found, key=lambda one: (-one.count, one.kind))


def groups(night: Night) -> list[Group]:
    """The control totals by currency and kind, each by month and tax type."""
    return [
        Group(
            currency=str(currency),
            kind=str(kind),
            sums={name: int(of[name].sum()) for name in CENTS},
            rows=of[[*TOTALS, *CENTS, "differs"]].to_dict("records"),
        )
        for (currency, kind), of in marked(night).groupby(["currency", "kind"], sort=False)
    ]


def sentence_of(kind: str) -> str:
    """What a kind means, for people."""
    return MEANINGS[DiscrepancyKind(kind)].sentence


def currencies(found: Sequence[OfKind]) -> list[str]:
    """Those in which anything differs."""
    return sorted({currency for one in found for currency in one.money})


def _largest(night: Night, which: str, less: str = "") -> dict[str, int]:
    """Of each row of the control totals the largest amount of its kind, less that of another one: by currency."""
    totals = night.totals
    if totals.empty:
        return {}
    amounts = [totals[f"{which}_{name}"] - (totals[f"{less}_{name}"] if less else 0) for name in AMOUNTS]
    largest = pd.concat(amounts, axis=1).abs().max(axis=1)
    return _by_currency(largest.groupby(totals["currency"]).sum())


def _by_currency(sums: "pd.Series[Any]") -> dict[str, int]:
    return {str(currency): int(cents) for currency, cents in sums.items() if cents}
