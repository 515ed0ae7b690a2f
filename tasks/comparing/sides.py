"""Both sides as columns: orders with what we wrote for them, documents, and which belongs to which.

Amounts are whole cents (Int64, none where unknown), texts are "" where unknown, moments are UTC.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from tasks.domain.books import GONE
from tasks.domain.discrepancies import MEANINGS, DiscrepancyKind

Positions = npt.NDArray[np.intp]
OURS = ("made", "adopted")
# An order that should have a document, by where it stands.
DUE = ("pending", "held", "rejected", "exported", "skipped")
DRAFTED = ("DRAFT", "SUBMITTED")
FOUND = (
    *("kind", "order_kind", "order_id", "order", "document_id", "document_type", "document_status", "number"),
    *("contact", "currency", "date", "ours", "theirs", "difference", "since", "cause", "repair", "reason"),
    # The one order that a document without an order is said to be of; it is not known by that.
    *("about_kind", "about_id"),
)


@dataclass(frozen=True)
class Sides:
    """What is laid side by side.

    `orders`: an order a row, with its link (`document_id`, `origin` and, as `written_`, what our last write left) and,
    as `shown_`, what Monstock shows; `unlisted` if Monstock has it no more, `fresh` if its document was written after
    Xero was read, or is written just now, so that it cannot be compared. `documents`: a document a row, `role` what it
    is to its order ("settled" is its own one that people made or let stand as it is, "beside" another that people made;
    empty where it has none), `within` that it is of the dates compared. `belongs`: an order and a document a row
    (`state` linked or proposed), `rank` telling which of an order's documents comes first, `own` that we made it;
    `weight` to `weights` is the order's part in it, where the document serves several. Rows are counted from 0.
    """

    orders: pd.DataFrame
    documents: pd.DataFrame
    belongs: pd.DataFrame

    @property
    def empty(self) -> bool:
        """Whether there is nothing to compare."""
        return self.orders.empty and self.documents.empty

    @cached_property
    def place(self) -> Positions:
        """Of each order, where its own document stands; -1: nowhere."""
        return positions(self.documents["document_id"], self.orders["document_id"])

    @cached_property
    def alive(self) -> "pd.Series[bool]":
        """Of each document, whether it still counts."""
        return ~self.documents["status"].isin(GONE) & ~self.documents["unreadable"]

    @cached_property
    def linked(self) -> "pd.Series[bool]":
        """Of each order, whether the ledger knows a document of it that we wrote or a person joined."""
        return self.orders["document_id"] != ""

    @cached_property
    def own(self) -> pd.DataFrame:
        """Of each order, its own document; a row of nothing where it has none, or it is not known."""
        documents = self.documents.assign(alive=self.alive)
        return documents.reindex(self.place).set_axis(self.orders.index)

    @cached_property
    def comparable(self) -> "pd.Series[bool]":
        """Of each order, whether the ledger knows its document and has seen it in Xero since."""
        return self.linked & ~self.orders["fresh"]

    @cached_property
    def standing(self) -> "pd.Series[bool]":
        """Of each order, whether its own document is comparable and alive."""
        alive = self.own["alive"].eq(True).astype(bool)
        return self.comparable & alive & ~self.orders["written_status"].isin(GONE)

    @cached_property
    def followed(self) -> "pd.Series[bool]":
        """Of each order, whether its document was written from it as it is now."""
        return self.linked & (self.orders["revision"] == self.orders["written_revision"])

    @cached_property
    def due(self) -> "pd.Series[bool]":
        """Of each order, whether it should have a document."""
        return self.orders["state"].isin(DUE) & (self.orders["status"] != "cancelled")

    @cached_property
    def settled(self) -> "pd.Series[bool]":
        """Of each order, whether people made its living document, or let it stand as it is."""
        return (self.own["role"].eq("settled") & self.own["alive"].eq(True)).astype(bool)

    @cached_property
    def outdated(self) -> "pd.Series[bool]":
        """Of each order, whether it changed and its document is still to follow."""
        return self.due & self.standing & ~self.followed & (self.orders["state"] != "exported")

    @cached_property
    def unended(self) -> "pd.Series[bool]":
        """Of each order, whether it was cancelled and its document is still to follow."""
        waits = self.orders["state"].isin(["pending", "held", "rejected", "skipped"])
        return (self.orders["status"] == "cancelled") & waits & self.standing & ~self.followed

    @cached_property
    def belonging(self) -> pd.DataFrame:
        """What belongs, with the places of order (`o`) and document (`d`, -1 where it is not known)."""
        key = self.orders["kind"] + " " + self.orders["order_id"]
        wanted = self.belongs["kind"] + " " + self.belongs["order_id"]
        return self.belongs.assign(
            o=positions(key, wanted), d=positions(self.documents["document_id"], self.belongs["document_id"])
        )

    @cached_property
    def notes(self) -> pd.DataFrame:
        """What of `belonging` are known credit notes of ours, with their orders."""
        known = (self.belonging[["o", "d"]] >= 0).all(axis=1)
        return self.belonging[self.belonging["role"].str.startswith("return") & known]

    @cached_property
    def credits(self) -> "pd.Series[Any]":
        """Of each order, what credit notes of ours take off its document, in cents."""
        return self._credited("gross")

    @cached_property
    def invoiced(self) -> "pd.Series[Any]":
        """Of each order, its living document less the credit notes of ours, in cents; none where there is none."""
        return self._left("gross", self.credits)

    @cached_property
    def invoiced_net(self) -> "pd.Series[Any]":
        """The same without tax."""
        return self._left("net", self._credited("net"))

    def _left(self, amount: str, credits: "pd.Series[Any]") -> "pd.Series[Any]":
        left: pd.Series[Any] = self.own[amount].where(self.standing | self.settled, pd.NA) - credits
        return left

    def _credited(self, amount: str) -> "pd.Series[Any]":
        d = self.notes["d"].to_numpy()
        alive, cents = self.alive.to_numpy(bool)[d], self.documents[amount].array[d]
        sums = pd.Series(cents, index=self.notes["o"].to_numpy(), dtype="Int64")[alive].groupby(level=0).sum()
        credited: pd.Series[Any] = sums.reindex(self.orders.index, fill_value=0)
        return credited

    @cached_property
    def loose(self) -> "pd.Series[bool]":
        """Of each document, whether no order has it, here or in another part."""
        loose: pd.Series[bool] = self.documents["role"] == ""
        return loose


def among(orders: pd.DataFrame, discrepancies: pd.DataFrame) -> "pd.Series[bool]":
    """Of each order, whether a discrepancy is at it."""
    apart = discrepancies[discrepancies["order_id"] != ""]
    which: pd.Series[bool] = orders["order_id"].isin(apart["order_id"].unique().tolist())
    some = orders[which]
    known = (apart["order_kind"] + " " + apart["order_id"]).unique().tolist()
    which[which] = (some["kind"] + " " + some["order_id"]).isin(known)
    return which


def positions(within: "pd.Series[str]", wanted: "pd.Series[str]") -> Positions:
    """Where each wanted text stands within others that are unique; -1: nowhere. An empty text stands nowhere."""
    found = pd.Index(within).get_indexer(pd.Index(wanted))
    found[(wanted == "").to_numpy()] = -1
    return found


def found(
    sides: Sides,
    kind: DiscrepancyKind,
    orders: Positions | None,
    documents: Positions | None,
    **facts: Any,
) -> pd.DataFrame:
    """Discrepancies of one kind, by the places of their orders and documents (-1, or None for all: there is none).

    `facts` are columns of `FOUND` that only the check knows: a value, or one for each place.
    """
    size = len(orders if orders is not None else documents if documents is not None else ())
    if not size:
        return pd.DataFrame(columns=list(FOUND))
    nowhere = np.full(size, -1, np.intp)
    order = sides.orders.reindex(orders if orders is not None else nowhere).reset_index(drop=True)
    document = sides.documents.reindex(documents if documents is not None else nowhere).reset_index(drop=True)
    columns: dict[str, Any] = {
        "kind": kind.value,
        "order_kind": order["kind"],
        "order_id": order["order_id"],
        "order": order["reference"],
        "document_id": _first(document["document_id"], order["document_id"]),
        "document_type": document["type"],
        "document_status": document["status"],
        "number": _first(document["number"], order["written_number"]),
        "contact": _first(order["contact_name"], document["contact_name"]),
        "currency": _first(document["currency"], order["currency"]),
        "date": document["date"].fillna(order["date"]),
        "ours": "",
        "theirs": "",
        "difference": pd.NA,
        "since": pd.array([pd.NaT] * size, dtype="datetime64[us, UTC]"),
        "cause": "",
        "repair": MEANINGS[kind].repair.value,
        "reason": "",
        "about_kind": "",
        "about_id": "",
    }
    given = {
        name: value.to_numpy()
        if isinstance(value, pd.Series) and value.dtype == "str"
        else getattr(value, "array", value)
        for name, value in facts.items()
    }
    made = pd.DataFrame({**columns, **given}, index=range(size))
    texts = made.select_dtypes(["str", "object"]).columns.difference(["difference", "since"])
    made[texts] = made[texts].fillna("").astype("str")
    return made[list(FOUND)].astype({"difference": "Int64", "since": "datetime64[us, UTC]"})


def money(cents: "pd.Series[int]") -> "pd.Series[str]":
    """Cents as people read them: 1234 is 12.34; none is empty."""
    whole = cents.astype("Int64")
    size = whole.abs()
    text = (size // 100).astype("str") + "." + (size % 100).astype("str").str.zfill(2)
    signed: pd.Series[str] = text.where(whole.fillna(0) >= 0, "-" + text)
    return signed.where(whole.notna(), "").astype("str")


def moment(when: "pd.Series[Any]") -> "pd.Series[str]":
    """A moment as people read it: 2026-11-24 02:30 UTC."""
    told: pd.Series[str] = when.dt.strftime("%Y-%m-%d %H:%M UTC").fillna("a time not known").astype("str")
    return told


def groups(apart: pd.DataFrame) -> Iterator[tuple[DiscrepancyKind, Any]]:
    """The kinds among discrepancies, each with the labels of its rows."""
    for kind, at in apart.groupby("kind", observed=True).groups.items():
        yield DiscrepancyKind(str(kind)), at


def where(which: "pd.Series[bool]") -> Positions:
    """The places at which a condition holds."""
    return np.flatnonzero(which.to_numpy(bool))


def _first(one: "pd.Series[str]", other: "pd.Series[str]") -> "pd.Series[str]":
    filled: pd.Series[str] = one.replace("", None).fillna(other)
    return filled


def share(cents: "pd.Series[int]", counted: pd.DataFrame, whole: "pd.Series[bool]") -> "pd.Series[int]":
    """An amount, or the part of it that falls to an order: half cents away from zero, as all amounts."""
    parts = cents[~whole].astype(object)
    if parts.empty:
        return cents
    weight, weights = (
        counted.loc[~whole, "weight"].astype(object),
        counted.loc[~whole, "weights"].astype(object),
    )
    above, below = 2 * parts * weight, 2 * weights
    part = (above.abs() + weights.abs()) // below.abs()
    part = part.where((above < 0) == (below < 0), -part)
    return pd.concat([cents[whole], part.astype("Int64")]).reindex(cents.index)


def told(findings: "pd.Series[str]") -> "pd.Series[str]":
    """What was found, as the ledger keeps it (JSON), in a line for people."""
    lines = [
        "; ".join(f"{one['cause']}: {one['detail']}" for one in json.loads(text or "[]")) for text in findings
    ]
    return pd.Series(lines, index=findings.index, dtype="str")
