"""A year of a buyer's orders and the bills for them, with the mistakes that people, suppliers and scanners make.

It knows nothing of how the matching works. Whose a bill is stands beside it. Left out is only what no one could
tell from the documents: a part delivery billed under the number of a quite different order of the same supplier.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from tasks.domain.books import SeenDocument
from tasks.domain.money import rounded
from tasks.domain.orders import Kind
from tasks.matching.claimants import Claimant

CENT = Decimal("0.01")
STYLES: dict[str, Callable[[int], str]] = {
    "padded": lambda n: f"SO-2026-{n:05}",
    "short": lambda n: f"PO{n + 900}",
    "figures": lambda n: f"{n + 40_000}",
}
_WORDS = ["Northgate", "Harbour", "Albion", "Pennine", "Sable", "Orchard", "Quay", "Lintel", "Mercia", "Tarn"]
_TRADES = ["Steel", "Timber", "Fixings", "Ceramics", "Textiles", "Packaging"]
_GOODS = [
    "M8 bolts, box of 200",
    "2 pallets oak boards",
    "Delivery week 32",
    "Art. 88120 blue 40 x 60",
    "Carriage",
]


@dataclass(frozen=True)
class Supplier:
    contact_id: str
    name: str
    currency: str
    tax: Decimal
    usual: list[Decimal]
    own_number: str


@dataclass(frozen=True)
class Bill:
    """A bill, the ids of the orders it is for, and how it came to be as it is."""

    document: SeenDocument
    orders: frozenset[str]
    story: str


@dataclass
class Year:
    """What was ordered and billed, made from a seed."""

    seed: int
    style: str = "padded"
    count: int = 2_000
    strangers: float = 0.18
    orders: list[Claimant] = field(default_factory=list)
    bills: list[Bill] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.suppliers = [self._supplier(i) for i in range(60)]
        self.by_contact = {s.contact_id: s for s in self.suppliers}
        self._ids = 0
        self._order()
        self._bill()
        self._strangers()
        self.random.shuffle(self.bills)

    def _chance(self, share: float) -> bool:
        return self.random.random() < share

    def _amount(self) -> Decimal:
        return rounded(Decimal(str(self.random.lognormvariate(6.2, 1.1))) + 5)

    def _supplier(self, i: int) -> Supplier:
        name = f"{_WORDS[i % 10]} {_TRADES[i // 10]}"
        name += self.random.choice([" Ltd", " Limited", " GmbH", "", " & Co.", " plc"])
        if i in {7, 8}:  # two houses of one name, but for the legal form
            name = "Brandt Logistik " + {7: "GmbH", 8: "AG"}[i]
        currency = self.random.choices(["GBP", "EUR", "USD"], [85, 10, 5])[0]
        tax = Decimal(self.random.choice([0, 20, 20, 20, 5]))
        usual = [self._amount() for _ in range(self.random.randint(4, 12))]
        own = self.random.choice(["INV-{}", "{}", "RE{}", "2026/{}", "SI-{}-A", "INV2026{}"])
        return Supplier(f"contact-{i}", name, currency, tax, usual, own)

    def _order(self) -> None:
        clusters = [date(2026, 1, 1) + timedelta(days=self.random.randint(0, 300)) for _ in range(80)]
        days = sorted(
            self.random.choice(clusters) + timedelta(days=self.random.randint(0, 4))
            for _ in range(self.count)
        )
        weights = [1 / (i + 3) for i in range(60)]
        for n, day in enumerate(days, 1):
            supplier = self.random.choices(self.suppliers, weights)[0]
            net = self.random.choice(supplier.usual) if self._chance(0.4) else self._amount()
            received = self.random.choice([None, net, net, rounded(net * self.random.randint(1, 9) / 10)])
            self.orders.append(
                Claimant(
                    kind=Kind.supplier,
                    order_id=f"order-{n}",
                    reference=STYLES[self.style](n),
                    numbers=(f"MS-{STYLES[self.style](n)}",),
                    mark=f"https://app.example/supplier-orders/order-{n}",
                    external=supplier.own_number.format(self.random.randint(1000, 99_999))
                    if self._chance(0.1)
                    else None,
                    contact_id=supplier.contact_id if self._chance(0.8) else None,
                    contact_name=supplier.name,
                    currency=supplier.currency if self._chance(0.97) else "USD",
                    net=net,
                    gross=net + rounded(net * supplier.tax / 100),
                    date=day,
                    received=received,
                    linked=self._chance(0.3),
                )
            )
        self._supplier_of = {o.order_id: self._named(o.contact_name) for o in self.orders}

    def _named(self, name: str) -> Supplier:
        return next(s for s in self.suppliers if s.name == name)

    def _bill(self) -> None:
        waiting = list(self.orders)
        while waiting:
            order = waiting.pop(0)
            kind = self.random.random()
            if kind < 0.06:
                continue
            if kind < 0.18:
                self._parts(order)
            elif kind < 0.24:
                same = [
                    o
                    for o in waiting[:400]
                    if (o.contact_name, o.currency) == (order.contact_name, order.currency)
                ]
                others = same[: self.random.randint(1, 3)]
                waiting = [o for o in waiting if o not in others]
                self._add([order, *others], sum((o.net for o in (order, *others)), Decimal(0)), "together")
            else:
                self._add([order], order.net, "single")

    def _parts(self, order: Claimant) -> None:
        left, count = order.net, self.random.randint(2, 3)
        for n in range(count):
            last = n == count - 1
            net = left if last else rounded(left * self.random.randint(2, 7) / 10)
            left -= net
            self._add([order], net, "part", later=n * 14)

    def _add(self, orders: list[Claimant], net: Decimal, kind: str, later: int = 0) -> None:
        supplier = self._supplier_of[orders[0].order_id]
        story, references = self._references(orders, kind)
        if self._chance(0.04) and "wrong" not in story:
            net, story = net + 15, f"{story}, carriage on top"
        lag = self.random.randint(-5, -1) if self._chance(0.05) else self.random.randint(0, 45)
        last = max(o.date for o in orders)
        number, reference, text, story = self._placed(references, supplier, story)
        document = self._document(
            supplier, net, last + timedelta(days=lag + later), orders[0].currency, number, reference, text
        )
        self.bills.append(Bill(document, frozenset(o.order_id for o in orders), f"{kind}: {story}"))

    def _references(self, orders: list[Claimant], kind: str) -> tuple[str, list[str]]:
        """How the orders' numbers are written on the bill."""
        if kind == "single" and self._chance(0.005):
            same = [o for o in self.orders if o.contact_name == orders[0].contact_name]
            return "wrong number", [self.random.choice(same).reference]
        story = self.random.choices(
            ["clean", "introduced", "respaced", "cut", "scanned", "typo", "two typos", "none"],
            [60, 10, 7, 6, 5, 4, 0.3, 8],
        )[0]
        return story, [t for t in (self._written(o.reference, story) for o in orders) if t]

    def _written(self, number: str, story: str) -> str:
        letters = number.rstrip("0123456789-")
        if story == "introduced":
            return (
                self.random.choice(
                    ["PO ", "Order ", "PO#", "Order no. ", "PO: ", "your order ", "#", "p.o. "]
                )
                + number
            )
        if story == "respaced":
            return self.random.choice(
                [number.replace("-", ""), number.replace("-", " "), number.lower(), number.replace("-", "/")]
            )
        if story == "cut":
            tail = number.rsplit("-", maxsplit=1)[-1]
            return self.random.choice(
                [number[len(letters) :].lstrip("-"), "PO " + tail.lstrip("PO0"), number.replace("-0", "-")]
            )
        if story == "scanned":
            return self._scanned(number)
        if "typo" in story:
            return self._typo(self._typo(number) if "two" in story else number)
        return "" if story == "none" else number

    def _scanned(self, number: str) -> str:
        swaps = {"0": "O", "O": "0", "1": "I", "5": "S", "S": "5", "8": "B"}
        places = [i for i, c in enumerate(number) if c in swaps]
        for i in self.random.sample(places, min(len(places), self.random.randint(1, 2))):
            number = number[:i] + swaps[number[i]] + number[i + 1 :]
        return number

    def _typo(self, number: str) -> str:
        i = self.random.choice([i for i, c in enumerate(number) if c.isdigit()][-5:])
        before, digit, after = number[:i], number[i], number[i + 1 :]
        return self.random.choice(
            [
                before + self.random.choice("0123456789") + after,
                before + after,
                before + digit + digit + after,
                before[:-1] + digit + before[-1:] + after,
            ]
        )

    def _placed(
        self, references: list[str], supplier: Supplier, story: str
    ) -> tuple[str, str | None, str, str]:
        """Number, reference and lines of a bill: its orders' numbers stand in one of them, seldom in two."""
        own = supplier.own_number.format(self.random.randint(1000, 99_999))
        goods = self.random.sample(_GOODS, 2)
        if len(references) > 1:
            joined = self.random.choice([", ", "; ", "\n", " and ", " / ", " + "]).join(references)
            in_lines = self._chance(0.7)
            return own, None if in_lines else joined, f"{goods[0]}\n{joined if in_lines else goods[1]}", story
        place = (
            self.random.choices(["number", "reference", "lines", "both"], [30, 30, 30, 10])[0]
            if references
            else "-"
        )
        said = (references or [""])[0]
        line = self.random.choice(["{} {}", "{1}: {0}", "{0}\n{1}", "{1}"]).format(goods[0], said)
        return (
            said if place == "number" else own,
            said if place in {"reference", "both"} else self.random.choice([None, "", "June", own]),
            line if place in {"lines", "both"} else "\n".join(goods),
            f"{story}, {place}",
        )

    def _document(
        self,
        supplier: Supplier,
        net: Decimal,
        day: date,
        currency: str,
        number: str,
        reference: str | None,
        text: str,
    ) -> SeenDocument:
        total = net + rounded(net * supplier.tax / 100)
        if self._chance(0.15):
            total += self.random.randint(-5, 5) * CENT
        inclusive = self._chance(0.1)
        name = supplier.name
        if self._chance(0.03):
            name = name.replace("Limited", "Ltd.").replace("Ltd", "LIMITED").upper()
        self._ids += 1
        return SeenDocument(
            id=f"bill-{self._ids}", type="ACCPAY", number=number, reference=reference, mark=None,
            contact_id=supplier.contact_id, contact_name=name, currency=currency, total=total, date=day,
            status=self.random.choice(["DRAFT", "SUBMITTED", "AUTHORISED", "PAID"]),
            net=total if inclusive else net, tax=Decimal(0) if inclusive else total - net, text=text,
        )  # fmt: skip

    def _strangers(self) -> None:
        """Bills for no order: rent, repairs, a telephone, and worse."""
        count = int(len(self.bills) * self.strangers / (1 - self.strangers))
        for _ in range(count):
            supplier = self.random.choice(self.suppliers)
            alien = Supplier(f"other-{self._ids}", f"Utility {self._ids} Ltd", "GBP", Decimal(20), [], "{}")
            order = self.random.choice(self.orders)
            ordered_from = self._supplier_of[order.order_id]
            who, net, said, story = self.random.choice(
                [
                    (alien, self._amount(), "", "alien"),
                    (alien, order.net, "", "alien, an order's amount"),
                    (alien, self._amount(), order.reference, "alien, an order's number"),
                    (alien, order.net, self._scanned(order.reference), "alien, amount and nearly the number"),
                    (supplier, self._amount(), "", "supplier"),
                    (
                        supplier,
                        self._amount(),
                        f"Contract {self.random.randint(100, 99_999)}",
                        "supplier, contract",
                    ),
                    (supplier, self._amount(), self._last_year(), "supplier, last year's number"),
                    (ordered_from, order.net, "", "supplier, an order's amount"),
                    (
                        ordered_from,
                        order.net + self.random.randint(1, 60) * CENT,
                        "Rent",
                        "supplier, a similar amount",
                    ),
                    (
                        supplier,
                        self._amount(),
                        f"Tel. 020 {self.random.randint(1000, 9999)} {self.random.randint(1000, 9999)}",
                        "supplier, a telephone",
                    ),
                    (supplier, self._amount(), f"{self.random.randint(1, 9999)} kWh", "supplier, a figure"),
                ]
            )
            day = order.date + timedelta(days=self.random.randint(-20, 60))
            number, reference, text, _ = self._placed([said] if said else [], who, "")
            document = self._document(who, net, day, who.currency, number, reference, text)
            self.bills.append(Bill(document, frozenset(), story))

    def _last_year(self) -> str:
        n = self.random.randint(1, self.count)
        return f"SO-2025-{n:05}" if self.style == "padded" else STYLES[self.style](n + 20_000)
