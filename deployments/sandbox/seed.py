"""The demo: sixty days of a homeware wholesaler, with the problems that a real one has."""

import random
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

from deployments.sandbox.codec import Json
from deployments.sandbox.monstock import Monstock
from deployments.sandbox.monstock.totals import totals
from deployments.sandbox.xero import Xero

CUSTOMERS, CUSTOMER_ORDERS, SUPPLIER_ORDERS = 40, 240, 60


class Product(NamedTuple):
    """What is sold: code, name, category, net price, tax rate."""

    sku: str
    name: str
    category: str
    price: str
    tax: str


PRODUCTS = [
    Product("MUG-01", "Stoneware mug", "Homeware", "8.50", "20"),
    Product("BOWL-02", "Serving bowl", "Homeware", "24.00", "20"),
    Product("VASE-07", "Glass vase, tall", "Homeware", "31.40", "20"),
    Product("TRAY-08", "Oak tray", "Homeware", "18.75", "20"),
    Product("THROW-03", "Wool throw", "Textiles", "65.00", "20"),
    Product("CUSHION-06", "Linen cushion", "Textiles", "22.90", "20"),
    Product("APRON-09", "Child's apron", "Textiles", "11.20", "0"),
    Product("CANDLE-04", "Beeswax candle", "Homeware", "12.00", "20"),
    Product("HEAT-10", "Draught excluder", "Energy saving", "14.35", "5"),
    Product("TEA-05", "Breakfast tea, 250 g", "Food", "6.75", "0"),
    Product("HONEY-11", "Heather honey, 340 g", "Food", "5.95", "0"),
]
_FIRST = [
    "Harbour",
    "Maple",
    "Juniper",
    "Anchor",
    "Meadow",
    "Copper",
    "Thistle",
    "Willow",
    "Quarry",
    "Lantern",
]
_SECOND = ["Homes Ltd", "& Daughters", "Interiors", "Living Ltd", "Trading Co"]
_SUPPLIERS = [
    *(
        "Northern Pottery Ltd",
        "Filature de Lyon SARL",
        "Spree Glas GmbH",
        "Highland Wool Mill",
        "Fen Candles",
    ),
    *("Ashdown Joinery", "Atelier Belleville", "Marsh Teas Ltd", "Glen Apiaries", "Ostsee Leinen GmbH"),
    *("Packwell Ltd", "Tyne Trays Ltd"),
]
_CITIES = ["London", "Bristol", "Leeds", "Paris", "Berlin"]
_COUNTRIES = {"Paris": "FR", "Berlin": "DE"}


def plant(monstock: Monstock, xero: Xero) -> None:
    """Fill a new pair of stores; the same data each time, but for the dates."""
    today = monstock.clock.now().date()
    orders = [*_orders("customer", today), *_orders("supplier", today)]
    by_reference = {order["reference"]: order for order in orders}
    _trouble(by_reference, today)
    with monstock.store.transaction():
        for order in orders:
            monstock.load([order])
    with xero.store.transaction():
        _invoiced_by_hand(xero, by_reference[_reference("customer", 20, today)], today)


def _reference(kind: str, number: int, today: date) -> str:
    return f"{'CO' if kind == 'customer' else 'SO'}-{today.year}-{number:05}"


def _orders(kind: str, today: date) -> list[Json]:
    dice = random.Random(f"monstock {kind}")  # noqa: S311 - a demo, the same each time
    contacts = _customers() if kind == "customer" else _suppliers()
    amount = CUSTOMER_ORDERS if kind == "customer" else SUPPLIER_ORDERS
    days = sorted((dice.randrange(60) for _ in range(amount)), reverse=True)
    return [
        _order(dice, kind, number, dice.choice(contacts), today - timedelta(days=back), today)
        for number, back in enumerate(days, 1)
    ]


def _order(dice: random.Random, kind: str, number: int, contact: Json, day: date, today: date) -> Json:
    sale = kind == "customer"
    channel = dice.choices(["B2B", "Web", "Shop"], [6, 3, 1])[0] if sale else None
    inclusive = channel == "Web"
    status = dice.choices(["confirmed", "draft", "cancelled"], [92, 5, 3])[0]
    order: Json = {
        "id": f"{kind[0]}o-{number:05}",
        "kind": kind,
        "reference": _reference(kind, number, today),
        "externalReference": f"PO{dice.randrange(10_000, 99_999)}" if dice.random() < 0.5 else None,
        "status": status,
        "fulfilmentStatus": dice.choice(["none", "partial", "done"]) if status == "confirmed" else "none",
        "currency": "EUR" if contact["countryCode"] in ("FR", "DE") else "GBP",
        "orderDate": day.isoformat(),
        "dueDate": (day + timedelta(days=30)).isoformat() if dice.random() < 0.7 else None,
        "pricesIncludeTax": inclusive,
        "contact": contact,
        "warehouse": dice.choice(["London", "London", "Paris", "Berlin"]),
        "channel": channel,
        "lines": [
            _line(dice, product, sale, inclusive) for product in dice.sample(PRODUCTS, dice.randint(1, 5))
        ],
    }
    if sale and dice.random() < 0.35:
        order["shipping"] = {"amount": dice.choice(["4.95", "9.90", "24.00"]), "taxRate": "20"}
    return order


def _line(dice: random.Random, product: Product, sale: bool, inclusive: bool) -> Json:
    price = Decimal(product.price) * (1 if sale else Decimal("0.45"))
    if inclusive:
        price *= 1 + Decimal(product.tax) / 100
    line: Json = {
        "sku": product.sku,
        "name": product.name,
        "quantity": str(dice.choice([1, 2, 4, 6, 12, 24])),
        "unitPrice": str(price.quantize(Decimal("0.01") if sale else Decimal("0.0001"))),
        "taxRate": product.tax,
        "category": product.category,
    }
    if sale and dice.random() < 0.2:
        line["discountPercent"] = dice.choice(["5", "10", "12.5"])
    return line


def _contact(key: str, name: str, city: str) -> Json:
    return {
        "id": key,
        "name": name,
        "email": f"accounts@{key}.example",
        "countryCode": _COUNTRIES.get(city, "GB"),
        "address": {"line1": f"{len(name)} Market Street", "city": city},
    }


def _customers() -> list[Json]:
    names = [f"{_FIRST[n % 10]} {_SECOND[n // 10 % 5]}" for n in range(CUSTOMERS)]
    names[-1] = names[0]  # two customers of one name
    return [
        _contact(f"customer-{n:02}", name, _CITIES[4 if n % 12 == 5 else 3 if n % 12 == 9 else n % 3])
        for n, name in enumerate(names, 1)
    ]


def _suppliers() -> list[Json]:
    cities = {"SARL": "Paris", "lier": "Paris", "GmbH": "Berlin"}
    return [
        _contact(f"supplier-{n:02}", name, next((c for k, c in cities.items() if k in name), "Leeds"))
        for n, name in enumerate(_SUPPLIERS, 1)
    ]


def _trouble(orders: dict[str, Json], today: date) -> None:
    """The orders that a person will have to look at."""

    def the(kind: str, number: int, **fields: object) -> Json:
        order = orders[_reference(kind, number, today)]
        order |= {"status": "confirmed", **fields}
        return order

    the("customer", 1, orderDate=(today - timedelta(days=100)).isoformat(), dueDate=None)
    the("customer", 20, currency="GBP")  # invoiced by hand
    the("customer", 30)["lines"][0]["taxRate"] = "17.5"
    the("customer", 60, currency="CHF")
    the("customer", 90)["lines"][0]["unitPrice"] = "1.234567"
    the("customer", 110)["lines"][0]["name"] = (
        "Hand-thrown stoneware, glazed twice. " * 115 + "End of description."
    )
    the("customer", 130, status="on_hold")
    _off(the("customer", 150), Decimal("1.00"))
    _off(the("customer", 170), Decimal("0.01"))
    the("supplier", 15)["lines"][0]["discountPercent"] = "7.5"


def _off(order: Json, by: Decimal) -> None:
    """Totals that do not follow from the lines."""

    right = totals(order)
    order["totals"] = right | {name: str(Decimal(right[name]) + by) for name in ("net", "gross")}


def _invoiced_by_hand(xero: Xero, order: Json, today: date) -> None:
    """Someone did not wait: an invoice with the order's reference and a number of Xero's own."""
    name = order["contact"]["name"]
    kinds = {"20": "OUTPUT2", "5": "RROUTPUT", "0": "ZERORATEDOUTPUT"}
    shipping = order.get("shipping")
    lines = order["lines"] + (
        [
            {
                "name": "Shipping",
                "quantity": "1",
                "unitPrice": shipping["amount"],
                "taxRate": shipping["taxRate"],
            }
        ]
        if shipping
        else []
    )
    fields = {
        "Type": "ACCREC",
        "Status": "AUTHORISED",
        "Contact": {"Name": name},
        "Reference": order["reference"],
        "Date": order["orderDate"],
        "DueDate": (today + timedelta(days=14)).isoformat(),
        "LineAmountTypes": "Inclusive" if order["pricesIncludeTax"] else "Exclusive",
        "LineItems": [
            {
                "Description": line["name"],
                "Quantity": line["quantity"],
                "UnitAmount": line["unitPrice"],
                "DiscountRate": line.get("discountPercent") or 0,
                "AccountCode": "200",
                "TaxType": kinds[line["taxRate"]],
            }
            for line in lines
        ],
    }
    xero.edit({"action": "create", "kind": "invoice", "fields": fields})
