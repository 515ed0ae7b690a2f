"""Both sides in sums: control totals by month, currency, tax type and kind, and the money of each day."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from tasks.comparing.control_totals import AMOUNTS, control_totals, month_of
from tasks.comparing.sides import Sides, among
from tasks.comparing.terms import Terms

SALES, PURCHASE_ORDERS, BILLS, BY_HAND = "sales", "purchase orders", "bills", "bills and credits by hand"
_KINDS = {"ACCREC": SALES, "PURCHASEORDER": PURCHASE_ORDERS, "ACCPAY": BILLS}
_CREDITS = {"ACCRECCREDIT": SALES, "ACCPAYCREDIT": BILLS}
_ONE_DAY = ["date", "currency"]
_ONE_TYPE = r'^\{"(?P<type>[^"\\]*)": ?\["[^"]*", ?"[^"]*"\]\}$'


def totals(sides: Sides, terms: Terms) -> pd.DataFrame:
    """What orders come to beside what their documents come to.

    Counted are orders that are due and living documents that an order has or should have. A credit note of ours
    lowers its document. What people made beside (bills for purchase orders, credit notes) counts on both sides where it
    belongs to an order, for Monstock shows it there, and on Xero's alone where it does not.
    """
    documents = _documents(sides)
    beside = documents[(documents["group"] == BY_HAND) & documents["belongs"]]
    ours = pd.concat([_split(_orders(sides, terms)), _split(beside)], ignore_index=True)
    return control_totals(ours, _split(documents))


def days(sides: Sides, discrepancies: pd.DataFrame) -> pd.DataFrame:
    """By day and currency, in cents: orders that agree (`matched`); those that do not, and strangers (`unmatched`)."""
    orders = sides.orders.loc[sides.due, ["kind", "order_id", *_ONE_DAY, "gross"]]
    apart = among(orders, discrepancies)
    strangers = sides.documents.loc[sides.loose & sides.alive, [*_ONE_DAY, "gross"]]
    rows = pd.concat(
        [
            orders[[*_ONE_DAY, "gross"]].assign(apart=apart.to_numpy()),
            strangers.assign(apart=True),
        ],
        ignore_index=True,
    )
    cents = rows["gross"].fillna(0).abs()
    rows = rows.assign(matched=cents.where(~rows["apart"], 0), unmatched=cents.where(rows["apart"], 0))
    sums = rows.dropna(subset="date").groupby(_ONE_DAY)[["matched", "unmatched"]].sum()
    return sums.astype("int64").reset_index()


def _orders(sides: Sides, terms: Terms) -> pd.DataFrame:
    orders = sides.orders[sides.due & sides.orders["gross"].notna()]
    supplied = BILLS if terms.bills else PURCHASE_ORDERS
    kind = pd.Series(np.where(orders["kind"] == "customer", SALES, supplied), index=orders.index)
    names = {"bill": BILLS, "purchase_order": PURCHASE_ORDERS, "invoice": SALES}
    made = orders["document_type"].map(names)
    return orders.assign(group=made.where(made.notna(), kind), sign=1)


def _documents(sides: Sides) -> pd.DataFrame:
    """Living documents of these dates, each with its group and, for credit notes, the sign -1."""
    documents = sides.documents
    kind = documents["type"].map({**_KINDS, **_CREDITS})
    credit = documents["type"].isin(list(_CREDITS))
    by_hand = documents["role"].isin(["", "beside"]) & (credit | (kind == BILLS))
    group = kind.where(~by_hand, BY_HAND)
    date, here = _dated(sides)
    rows = documents.assign(group=group, sign=np.where(credit, -1, 1), belongs=~sides.loose, date=date)
    return rows[sides.alive & kind.notna() & here]


def _dated(sides: Sides) -> tuple["pd.Series[Any]", "pd.Series[bool]"]:
    """When each document counts, and whether here: a credit note of ours counts with its order."""
    documents = sides.documents
    notes = sides.belonging[sides.belonging["role"].str.startswith("return")]
    notes = notes[(notes["o"] >= 0) & (notes["d"] >= 0)].drop_duplicates("d")
    dates = pd.Series(sides.orders["date"].array[notes["o"].to_numpy()], index=notes["d"].to_numpy())
    note = documents["role"].str.startswith("return")
    date = documents["date"].mask(note, dates.reindex(documents.index))
    return date, documents["within"].where(~note, documents.index.isin(dates.index))


def _split(rows: pd.DataFrame) -> pd.DataFrame:
    """A row for each tax type of an order or document; what its types do not account for stands under no type."""
    columns = {
        "month": month_of(rows["date"]),
        "currency": rows["currency"],
        "kind": rows["group"],
        "net": rows["net"].fillna(0),
        "gross": rows["gross"].fillna(0),
    }
    whole = pd.DataFrame(columns, index=rows.index).assign(sign=rows["sign"], taxes=rows["taxes"])
    whole["tax"] = whole["gross"] - whole["net"]
    types = _type(whole["taxes"])
    single = types.notna()
    alone = whole[single].assign(tax_type=types[single])
    several = _several(whole[~single])
    both = pd.concat([alone, several], ignore_index=True)
    for name in AMOUNTS:
        both[name] = (both[name] * both["sign"]).astype("int64")
    return both[["month", "currency", "kind", "tax_type", *AMOUNTS]].astype(
        {"month": "str", "tax_type": "str"}
    )


def _several(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of more than one tax type, part by part, and what is left over."""
    parts = [
        (at, type_, round(float(net) * 100), round(float(tax) * 100))
        for at, taxes in rows["taxes"].items()
        for type_, (net, tax) in json.loads(taxes).items()
    ]
    split = pd.DataFrame(parts, columns=["at", "tax_type", "net", "tax"]).set_index("at")
    sums = split.groupby(level=0)[["net", "tax"]].sum().reindex(rows.index, fill_value=0)
    rest = (rows[["net", "tax"]] - sums).assign(tax_type="")
    rest = rest[(rest["net"] != 0) | (rest["tax"] != 0)]
    every = pd.concat([split, rest])
    every["gross"] = every["net"] + every["tax"]
    return every.join(rows[["month", "currency", "kind", "sign"]])


def _type(taxes: "pd.Series[str]") -> "pd.Series[Any]":
    """The one tax type of each row, "" where it has none; NA where it has several."""
    alone = pc.struct_field(pc.extract_regex(pa.array(taxes, pa.large_string()), _ONE_TYPE), "type")
    types: pd.Series[Any] = pd.Series(alone.to_pandas().array, taxes.index, dtype="str").mask(taxes == "", "")
    # Of these there are some, and of those that are written otherwise than we write them.
    several = taxes[types.isna()].map(json.loads)
    types.loc[several.index] = [None if len(one) > 1 else "".join(one) for one in several]
    return types
