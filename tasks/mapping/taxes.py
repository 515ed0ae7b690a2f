"""Finds the tax type of a line: by rule, never merely the first with the same percentage."""

from collections.abc import Iterator
from decimal import Decimal

from tasks.domain.books import Account, Books, TaxRate
from tasks.domain.money import ZERO, count, line_amount, plain, rounded, tax_on_top, tax_within
from tasks.domain.orders import Kind, Order
from tasks.domain.outcomes import Cause
from tasks.domain.taxes import Amounts
from tasks.mapping.findings import Findings
from tasks.mapping.rules import Rules, TaxRule


def fitting_rules(
    rules: Rules, kind: Kind, rate: Decimal, country: str | None, code: str | None
) -> list[TaxRule]:
    """The nearest rules that fit: none (unmapped), one, or several equally near (ambiguous)."""
    fitting = [
        rule
        for rule in rules.taxes
        if rule.kind is kind
        and rule.rate == rate
        and rule.country in {None, country}
        and rule.code in {None, code}
    ]
    nearest = max((rule.nearness for rule in fitting), default=0)
    return [rule for rule in fitting if rule.nearness == nearest]


def amounts(order: Order, rules: Rules) -> dict[str, Amounts]:
    """Net and tax of an order's lines and shipping by tax type, each line rounded as Monstock rounds it.

    Where the rules name no type, or more than one, the rate stands for it: "17.5 %".
    """
    included = order.prices_include_tax
    types: dict[tuple[Decimal, str | None], str] = {}
    sums: dict[str, Amounts] = {}
    for amount, rate, code in _parts(order):
        if (type_ := types.get((rate, code))) is None:
            type_ = types[rate, code] = _named(order, rules, rate, code)
        tax = tax_within(amount, rate) if included else tax_on_top(amount, rate)
        net, before = sums.get(type_, (ZERO, ZERO))
        sums[type_] = net + (amount - tax if included else amount), before + tax
    return sums


def _named(order: Order, rules: Rules, rate: Decimal, code: str | None) -> str:
    fitting = fitting_rules(rules, order.kind, rate, order.contact.country_code, code)
    return fitting[0].type if len(fitting) == 1 else f"{count(rate)} %"


def _parts(order: Order) -> Iterator[tuple[Decimal, Decimal, str | None]]:
    """What is charged: amount as the order gives it, rate, and Monstock's code for that."""
    for line in order.lines:
        amount = line_amount(line.quantity, line.unit_price, line.discount_percent)
        yield amount, line.tax_rate, line.tax_code
    if order.shipping and order.shipping.amount:
        yield rounded(order.shipping.amount), order.shipping.tax_rate, None


def suggestions(books: Books, kind: Kind, rate: Decimal) -> list[TaxRate]:
    """Live tax rates that a person might mean: same percentage, and legal for this side of the books."""
    wanted = "REVENUE" if kind is Kind.customer else "EXPENSE"
    return sorted(
        (
            t
            for t in books.tax_rates.values()
            if t.rate == rate and t.status == "ACTIVE" and wanted in t.account_classes
        ),
        key=lambda tax: tax.tax_type,
    )


def tax_type(
    order: Order, rate: Decimal, code: str | None, field: str, rules: Rules, books: Books, findings: Findings
) -> TaxRate | None:
    """The tax rate for a line, or None with the reason noted."""
    country = order.contact.country_code
    where = f"{plain(rate)} % for {order.kind} orders" + (f" to {country}" if country else "")
    match fitting_rules(rules, order.kind, rate, country, code):
        case []:
            likely = ", ".join(f"{t.tax_type} ({t.name})" for t in suggestions(books, order.kind, rate))
            hint = f" Xero has {likely}." if likely else " Xero has no such rate."
            findings.hold(Cause.tax_unmapped, f"No rule for {where}.{hint}", field)
        case [rule]:
            return _usable(rule, rate, field, books, findings)
        case several:
            names = ", ".join(rule.type for rule in several)
            findings.hold(
                Cause.tax_ambiguous, f"{len(several)} rules fit {where} equally well: {names}.", field
            )
    return None


def _usable(rule: TaxRule, rate: Decimal, field: str, books: Books, findings: Findings) -> TaxRate | None:
    tax = books.tax_rates.get(rule.type)
    if tax is None or tax.status != "ACTIVE":
        findings.hold(Cause.tax_mismatch, f"Tax type {rule.type} is not active in Xero.", field)
        return None
    if tax.rate != rate:
        findings.hold(
            Cause.tax_mismatch,
            f"The order says {plain(rate)} %, {rule.type} ({tax.name}) stands at {plain(tax.rate)} % in Xero.",
            field,
        )
        return None
    if tax.compound:
        findings.hold(
            Cause.tax_mismatch, f"{rule.type} is a compound rate: its cents cannot be predicted.", field
        )
        return None
    return tax


def check_pair(tax: TaxRate, account: Account, field: str, findings: Findings) -> None:
    """Hold a pair of tax and account that Xero would refuse."""
    if account.account_class not in tax.account_classes:
        findings.hold(
            Cause.tax_illegal,
            f"Tax type {tax.tax_type} cannot be used with account {account.code} ({account.name}), "
            f"which is of class {account.account_class}.",
            field,
        )
