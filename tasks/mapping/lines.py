"""Order lines and shipping become document lines."""

from dataclasses import dataclass
from decimal import Decimal

from tasks.domain.books import Account, Books
from tasks.domain.documents import DocumentType, DraftLine
from tasks.domain.money import decimals, line_amount, plain, rounded
from tasks.domain.orders import Order, OrderLine
from tasks.domain.outcomes import Cause
from tasks.mapping.findings import Findings
from tasks.mapping.rules import KindRules, Rules, TrackingRule
from tasks.mapping.taxes import check_pair, tax_type

DESCRIPTION_LIMIT = 4000
# Bank accounts and these system accounts take no lines of invoices, bills or purchase orders.
CLOSED_SYSTEM_ACCOUNTS = {"DEBTORS", "CREDITORS", "GST", "RETAINEDEARNINGS", "HISTORICAL", "UNPAIDEXPCLM"}

ONE = Decimal(1)


@dataclass(frozen=True, slots=True)
class LineMapper:
    """Maps the lines of one order. Gives what could be mapped; what could not is among the findings."""

    order: Order
    rules: Rules
    books: Books
    findings: Findings

    def lines(self) -> tuple[DraftLine, ...]:
        """All lines, shipping last."""
        tracking = self._tracking()
        mapped = [self._line(line, f"lines[{i}]", tracking) for i, line in enumerate(self.order.lines)]
        mapped.append(self._shipping(tracking))
        return tuple(line for line in mapped if line is not None)

    @property
    def _kind(self) -> KindRules:
        return self.rules.of(self.order.kind)

    def _line(self, line: OrderLine, at: str, tracking: tuple[tuple[str, str], ...]) -> DraftLine | None:
        quantity, unit, discount, text = self._represented(line, at)
        account = self._account(line.category, f"{at}.category")
        tax = tax_type(
            self.order, line.tax_rate, line.tax_code, f"{at}.taxRate", self.rules, self.books, self.findings
        )
        if account is None or tax is None:
            return None
        check_pair(tax, account, f"{at}.taxRate", self.findings)
        return DraftLine(
            description=self.findings.cut(text, DESCRIPTION_LIMIT, f"{at}.name"),
            quantity=quantity,
            unit_amount=unit,
            discount_rate=discount,
            account_code=account.code,
            tax_type=tax.tax_type,
            tax_rate=tax.rate,
            item_code=line.sku if self.rules.item_codes and line.sku in self.books.items else None,
            tracking=tracking,
        )

    def _represented(self, line: OrderLine, at: str) -> tuple[Decimal, Decimal, Decimal | None, str]:
        """Quantity, unit price, discount and text, as Xero can take them."""
        discount = line.discount_percent or None
        obstacle = self._obstacle(line, discount)
        text = line.name.strip() or line.sku or line.id
        if obstacle is None:
            return line.quantity, line.unit_price, discount, text
        field, reason = obstacle
        if self._kind.unrepresentable == "hold":
            self.findings.hold(Cause.not_representable, reason, f"{at}.{field}")
            return rounded(line.quantity, 4), rounded(line.unit_price, 4), discount, text
        net = line_amount(line.quantity, line.unit_price, discount)
        told = f"{plain(line.quantity)} x {plain(line.unit_price)}" + (
            f" less {plain(discount)} %" if discount else ""
        )
        self.findings.warn(Cause.sent_as_net, f"{reason} Sent as 1 x {plain(net)} ({told}).", f"{at}.{field}")
        suffix = f" ({told})"
        kept = self.findings.cut(text, DESCRIPTION_LIMIT - len(suffix), f"{at}.name")
        return ONE, net, None, kept + suffix

    def _obstacle(self, line: OrderLine, discount: Decimal | None) -> tuple[str, str] | None:
        if decimals(line.quantity) > 4:
            return "quantity", f"Quantity {plain(line.quantity)} has more than 4 decimals."
        if decimals(line.unit_price) > 4:
            return "unitPrice", f"Unit price {plain(line.unit_price)} has more than 4 decimals."
        if discount and self._kind.document is DocumentType.bill:
            return "discountPercent", "A bill in Xero knows no discount."
        if discount and (decimals(discount) > 2 or not 0 < discount <= 100):
            return "discountPercent", f"A discount of {plain(discount)} % is not one that Xero keeps exactly."
        return None

    def _shipping(self, tracking: tuple[tuple[str, str], ...]) -> DraftLine | None:
        shipping = self.order.shipping
        if shipping is None or not shipping.amount:
            return None
        code = self._kind.shipping_account or self._kind.default_account
        account = self._usable_account(code, "shipping", "shipping")
        tax = tax_type(
            self.order, shipping.tax_rate, None, "shipping.taxRate", self.rules, self.books, self.findings
        )
        if account is None or tax is None:
            return None
        check_pair(tax, account, "shipping.taxRate", self.findings)
        unit = shipping.amount
        if decimals(unit) > 4:
            if self._kind.unrepresentable == "hold":
                self.findings.hold(
                    Cause.not_representable,
                    f"Shipping {plain(unit)} has more than 4 decimals.",
                    "shipping.amount",
                )
            else:
                unit = rounded(unit)
                self.findings.warn(Cause.sent_as_net, f"Shipping sent as {plain(unit)}.", "shipping.amount")
        return DraftLine(
            description=self._kind.shipping_text,
            quantity=ONE,
            unit_amount=unit,
            account_code=account.code,
            tax_type=tax.tax_type,
            tax_rate=tax.rate,
            tracking=tracking,
        )

    def _account(self, category: str | None, field: str) -> Account | None:
        code = self._kind.accounts.get(category or "", self._kind.default_account)
        return self._usable_account(
            code, f'category "{category}"' if category else "lines without category", field
        )

    def _usable_account(self, code: str | None, what: str, field: str) -> Account | None:
        if code is None:
            self.findings.hold(
                Cause.account_unmapped, f"No account for {what}, and no default_account.", field
            )
            return None
        account = self.books.accounts.get(code)
        if account is None or account.status != "ACTIVE":
            state = "is archived" if account else "does not exist"
            self.findings.hold(Cause.account_invalid, f"Account {code} {state} in Xero.", field)
            return None
        if account.type == "BANK" or account.system in CLOSED_SYSTEM_ACCOUNTS:
            self.findings.hold(
                Cause.account_invalid, f"Account {code} ({account.name}) takes no document lines.", field
            )
            return None
        return account

    def _tracking(self) -> tuple[tuple[str, str], ...]:
        wanted = (
            (self.rules.warehouse, self.order.warehouse, "warehouse"),
            (self.rules.channel, self.order.channel, "channel"),
        )
        pairs = (self._option(rule, value, field) for rule, value, field in wanted if rule and value)
        return tuple(pair for pair in pairs if pair)

    def _option(self, rule: TrackingRule, value: str, field: str) -> tuple[str, str] | None:
        option = rule.options.get(value, value)
        if option in self.books.tracking.get(rule.category, frozenset()):
            return rule.category, option
        self.findings.hold(
            Cause.tracking_missing,
            f'Tracking category "{rule.category}" has no option "{option}" in Xero.',
            field,
        )
        return None
