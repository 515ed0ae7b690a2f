"""What an organisation's books allow: its reference data, read from Xero once a run."""

import datetime as dt
from dataclasses import dataclass, field
from decimal import Decimal

from tasks.domain.money import ZERO
from tasks.domain.outcomes import Finding


@dataclass(frozen=True, slots=True)
class Account:
    """An account of the chart. `account_class` is ASSET, EQUITY, EXPENSE, LIABILITY or REVENUE."""

    code: str
    name: str
    type: str
    account_class: str
    status: str
    system: str | None = None


@dataclass(frozen=True, slots=True)
class TaxRate:
    """A tax rate: its code (`tax_type`), percentage, and the account classes it may stand beside."""

    tax_type: str
    name: str
    rate: Decimal
    status: str
    account_classes: frozenset[str]
    compound: bool = False


@dataclass(frozen=True, slots=True)
class PaymentTerms:
    """When a contact pays: `day` counted as Xero's `type` says (DAYSAFTERBILLDATE, ...)."""

    day: int
    type: str


@dataclass(frozen=True, slots=True)
class Books:
    """One organisation's reference data: what a document may name."""

    tenant_name: str
    short_code: str | None
    timezone: str
    base_currency: str
    accounts: dict[str, Account]
    tax_rates: dict[str, TaxRate]
    currencies: frozenset[str]
    tracking: dict[str, frozenset[str]] = field(default_factory=dict)
    items: frozenset[str] = frozenset()
    period_lock_date: dt.date | None = None
    end_of_year_lock_date: dt.date | None = None

    @property
    def locked_until(self) -> dt.date | None:
        """The last locked day: the later of the period and the year-end lock date."""
        return max((d for d in (self.period_lock_date, self.end_of_year_lock_date) if d), default=None)


@dataclass(frozen=True, slots=True)
class XeroContact:
    """A contact as it stands in Xero. `number` is the external key that only the API sets."""

    id: str
    name: str
    status: str
    number: str | None = None
    merged_to: str | None = None
    sales_terms: PaymentTerms | None = None
    bill_terms: PaymentTerms | None = None

    @property
    def active(self) -> bool:
        """Whether documents can be made for it."""
        return self.status == "ACTIVE"


# Not Xero's word: a document that Xero does not know any more when it is asked for by its id.
MISSING = "MISSING"
GONE = frozenset({"VOIDED", "DELETED", MISSING})


@dataclass(frozen=True, slots=True)
class SeenDocument:
    """A document as it was last seen in Xero; `type` in Xero's words (ACCREC, ACCPAY, PURCHASEORDER, ...).

    `due` is what is left to pay, of a credit what is left of it; `sent` says that its contact was given it;
    `text` is what its lines say, where it is no document of ours; `lines` is the digest of what they say, prices and
    accounts included, and `taxes` their net and tax by tax type (JSON), both empty where no lines were shown;
    `modified` is Xero's own stamp, as text that sorts by time.
    """

    id: str
    type: str
    number: str | None
    reference: str | None
    mark: str | None
    contact_id: str
    contact_name: str
    currency: str
    total: Decimal
    date: dt.date | None
    status: str
    net: Decimal = ZERO
    tax: Decimal = ZERO
    paid: Decimal = ZERO
    credited: Decimal = ZERO
    due: Decimal = ZERO
    due_date: dt.date | None = None
    paid_on: dt.date | None = None
    sent: bool = False
    text: str = ""
    line_count: int = 0
    lines: str = ""
    taxes: str = ""
    modified: str = ""

    @property
    def alive(self) -> bool:
        """Whether it still counts: neither voided nor deleted."""
        return self.status not in GONE


@dataclass(frozen=True, slots=True)
class Unread:
    """A document that could not be read: its JSON as it came, what could be told of it, and why it is held."""

    id: str
    type: str
    number: str | None
    mark: str | None
    status: str
    modified: str
    raw: bytes
    finding: Finding
