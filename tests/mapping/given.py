"""An organisation's books, rules and orders, each with what a test is about changed."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from tasks.domain.books import Account, Books, TaxRate
from tasks.domain.documents import Draft
from tasks.domain.orders import Contact, Kind, Order, OrderLine, Totals
from tasks.domain.outcomes import Cause, Finding
from tasks.mapping.contacts import Directory
from tasks.mapping.document import Held, draft
from tasks.mapping.rules import Rules

D = Decimal
SALES, COSTS = frozenset({"REVENUE", "LIABILITY"}), frozenset({"EXPENSE", "ASSET"})


def account(
    code: str, class_: str, status: str = "ACTIVE", type_: str = "X", system: str | None = None
) -> Account:
    return Account(code, f"Account {code}", type_, class_, status, system)


def tax(type_: str, rate: str, classes: frozenset[str], **more: Any) -> TaxRate:
    return TaxRate(type_, f"{rate} % {type_}", D(rate), more.pop("status", "ACTIVE"), classes, **more)


_ACCOUNTS = [
    account("200", "REVENUE"),
    account("201", "REVENUE"),
    account("202", "REVENUE", status="ARCHIVED"),
    account("260", "REVENUE"),
    account("310", "EXPENSE"),
    account("090", "ASSET", type_="BANK"),
    account("610", "ASSET", system="DEBTORS"),
]
_TAXES = [
    tax("OUTPUT2", "20", SALES),
    tax("SRVOUTPUT", "20", SALES),
    tax("RROUTPUT", "5", SALES),
    tax("ZERORATEDOUTPUT", "0", SALES),
    tax("ECZROUTPUT", "0", SALES),
    tax("OLDOUTPUT", "17.5", SALES, status="ARCHIVED"),
    tax("LEVY", "13.4", SALES, compound=True),
    tax("INPUT2", "20", COSTS),
    tax("ECINPUT", "0", COSTS),
]
BOOKS = Books(
    tenant_name="Sandbox Trading Ltd",
    short_code="!abc",
    timezone="GMTSTANDARDTIME",
    base_currency="GBP",
    accounts={a.code: a for a in _ACCOUNTS},
    tax_rates={t.tax_type: t for t in _TAXES},
    currencies=frozenset({"GBP", "EUR"}),
    tracking={"Warehouse": frozenset({"London", "Paris"}), "Channel": frozenset({"Web"})},
    items=frozenset({"MUG-01"}),
)
_RULES: dict[str, Any] = {
    "prefix": "MS-",
    "export_from": date(2026, 1, 1),
    "order_url": "https://monstock.example/app/{kind}/{id}",
    "customer": {"document": "invoice", "default_account": "200"},
    "supplier": {"document": "purchase_order", "default_account": "310"},
    "taxes": [
        {"kind": "customer", "rate": 20, "type": "OUTPUT2"},
        {"kind": "customer", "rate": 0, "type": "ZERORATEDOUTPUT"},
        {"kind": "supplier", "rate": 20, "type": "INPUT2"},
    ],
}
CONTACT = Contact("c-1", "Harbour Homes Ltd", country_code="GB")
LINE = OrderLine("1", "Stoneware mug", D(3), D("12.50"), D(20))
ORDER = Order(
    kind=Kind.customer,
    id="co-1",
    reference="CO-2026-00001",
    revision="r",
    status="confirmed",
    fulfilment="none",
    currency="GBP",
    order_date=date(2026, 10, 1),
    prices_include_tax=False,
    contact=CONTACT,
    lines=(LINE,),
    totals=Totals(D("37.50"), D("7.50"), D("45.00")),
    updated_at=datetime(2026, 10, 1, tzinfo=UTC),
)


def rules(**changes: Any) -> Rules:
    """The rules with tables changed key by key, other settings as a whole."""
    merged = dict(_RULES)
    for name, value in changes.items():
        merged[name] = {**merged[name], **value} if isinstance(merged.get(name), dict) else value
    return Rules.model_validate(merged)


def line(**changes: Any) -> OrderLine:
    return replace(
        LINE, **{k: D(v) if isinstance(v, str) and k in _NUMBERS else v for k, v in changes.items()}
    )


def order(*lines: OrderLine, **changes: Any) -> Order:
    return replace(ORDER, **({"lines": lines} if lines else {}), **changes)


def purchase(*lines: OrderLine, **changes: Any) -> Order:
    return order(*lines, kind=Kind.supplier, id="so-1", reference="SO-2026-00001", **changes)


def books(**changes: Any) -> Books:
    return replace(BOOKS, **changes)


def mapped(order: Order, rules_: Rules | None = None, books: Books = BOOKS, **more: Any) -> Draft:
    """The draft; an order that is held fails the test with its findings."""
    made = draft(order, rules_ or rules(), books, more.pop("directory", None) or Directory(), **more)
    assert isinstance(made, Draft), made.findings
    return made


def held(order: Order, rules_: Rules | None = None, books: Books = BOOKS, **more: Any) -> tuple[Finding, ...]:
    """Why it is held; a draft fails the test."""
    made = draft(order, rules_ or rules(), books, more.pop("directory", None) or Directory(), **more)
    assert isinstance(made, Held), made
    return made.findings


def causes(findings: tuple[Finding, ...]) -> list[Cause]:
    return [finding.cause for finding in findings]


_NUMBERS = {"quantity", "unit_price", "discount_percent", "tax_rate"}
