"""Control totals: what both sides come to, by month, currency, kind of document and tax type."""

from typing import Any, TypeAlias

import numpy as np
import pandas as pd

TOTALS = ("month", "currency", "kind", "tax_type")
AMOUNTS = ("net", "tax", "gross")
Column: TypeAlias = "pd.Series[Any]"


def control_totals(ours: pd.DataFrame, theirs: pd.DataFrame) -> pd.DataFrame:
    """Add up both sides, exactly.

    A row of either frame is a document's part of one tax type, with the texts `TOTALS` (or categories; NA is "") and
    the int64 cents `AMOUNTS`. A row of the result is what has these four in common, in their order, with ours_net,
    theirs_net, difference_net (ours less theirs), the same of tax and gross, ours_count and theirs_count, all int64.
    Raises KeyError if a frame lacks a column.
    """
    one, other = _sums(ours), _sums(theirs)
    every = one.index.union(other.index)
    one, other = (side.reindex(every, fill_value=0) for side in (one, other))
    totals: dict[str, Column] = {}
    for name in AMOUNTS:
        totals |= {f"ours_{name}": one[name], f"theirs_{name}": other[name]}
        totals[f"difference_{name}"] = one[name] - other[name]
    totals |= {"ours_count": one["count"], "theirs_count": other["count"]}
    return pd.DataFrame(totals, index=every).reset_index()


def month_of(dates: Column) -> Column:
    """The month of each date (datetime64) as a category, "2026-10"; no date is ""."""
    # There are far fewer days than documents. No date has the code -1, which takes what stands last.
    codes, days = pd.factorize(dates.to_numpy())
    months = pd.Series([*np.datetime_as_string(days, unit="M"), ""], dtype="str").astype("category")
    return months.take(codes).cat.remove_unused_categories().set_axis(dates.index).rename("month")


def _sums(side: pd.DataFrame) -> pd.DataFrame:
    """The amounts and the count of a side by `TOTALS`, which are texts in it."""
    groups = side.groupby(list(TOTALS), observed=True, sort=False, dropna=False)
    sums = groups[list(AMOUNTS)].sum().assign(count=groups.size()).reset_index()
    for name in TOTALS:
        sums[name] = sums[name].astype("str").fillna("")
    # What was NA and what was "" come together.
    return sums.groupby(list(TOTALS)).sum()
