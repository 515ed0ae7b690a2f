"""A fresh organisation's reference data: two British companies, of which the second is the wrong one."""

from decimal import Decimal
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from deployments.sandbox.codec import Json
from deployments.sandbox.store import Store

TENANT = "5a9d0b0e-0000-4000-8000-000000000001"
OTHER_TENANT = "5a9d0b0e-0000-4000-8000-000000000002"
ORGANISATIONS = {TENANT: "Sandbox Trading Ltd", OTHER_TENANT: "Someone Else Ltd"}

# code, name, type, class, tax type, payments allowed, status
_ACCOUNTS = [
    ("090", "Business Bank Account", "BANK", "ASSET", "NONE", False, "ACTIVE"),
    ("091", "Card Clearing", "BANK", "ASSET", "NONE", False, "ACTIVE"),
    ("200", "Sales", "REVENUE", "REVENUE", "OUTPUT2", False, "ACTIVE"),
    ("201", "Online Sales", "REVENUE", "REVENUE", "OUTPUT2", False, "ACTIVE"),
    ("202", "Old Shop Sales", "REVENUE", "REVENUE", "OUTPUT2", False, "ARCHIVED"),
    ("260", "Other Revenue", "OTHERINCOME", "REVENUE", "OUTPUT2", False, "ACTIVE"),
    ("300", "Purchases", "DIRECTCOSTS", "EXPENSE", "INPUT2", False, "ACTIVE"),
    ("310", "Cost of Goods Sold", "DIRECTCOSTS", "EXPENSE", "INPUT2", False, "ACTIVE"),
    ("425", "Postage, Freight & Courier", "OVERHEADS", "EXPENSE", "INPUT2", False, "ACTIVE"),
    ("429", "General Expenses", "OVERHEADS", "EXPENSE", "INPUT2", False, "ACTIVE"),
    ("610", "Accounts Receivable", "CURRENT", "ASSET", "NONE", False, "ACTIVE"),
    ("630", "Inventory", "INVENTORY", "ASSET", "NONE", False, "ACTIVE"),
    ("800", "Accounts Payable", "CURRLIAB", "LIABILITY", "NONE", False, "ACTIVE"),
    ("820", "VAT", "CURRLIAB", "LIABILITY", "NONE", False, "ACTIVE"),
    ("835", "Directors' Loan Account", "CURRLIAB", "LIABILITY", "NONE", True, "ACTIVE"),
    ("970", "Owner A Funds Introduced", "EQUITY", "EQUITY", "NONE", True, "ACTIVE"),
]
_BOTH, _SALES, _COSTS = (
    "Assets Equity Liabilities Expenses Revenue",
    "Revenue Liabilities",
    "Assets Expenses Liabilities",
)
# tax type, name, where it applies, components (name, rate, compound), report type
_TAXES: list[tuple[str, str, str, list[tuple[str, str, bool]], str]] = [
    ("OUTPUT2", "20% (VAT on Income)", _SALES, [("VAT", "20", False)], "OUTPUT"),
    ("INPUT2", "20% (VAT on Expenses)", _COSTS, [("VAT", "20", False)], "INPUT"),
    ("RROUTPUT", "5% (VAT on Income)", _SALES, [("VAT", "5", False)], "OUTPUT"),
    ("RRINPUT", "5% (VAT on Expenses)", _COSTS, [("VAT", "5", False)], "INPUT"),
    ("ZERORATEDOUTPUT", "Zero Rated Income", _SALES, [("VAT", "0", False)], "OUTPUT"),
    ("ZERORATEDINPUT", "Zero Rated Expenses", _COSTS, [("VAT", "0", False)], "INPUT"),
    ("EXEMPTOUTPUT", "Exempt Income", _SALES, [("VAT", "0", False)], "EXEMPTOUTPUT"),
    ("EXEMPTINPUT", "Exempt Expenses", _COSTS, [("VAT", "0", False)], "EXEMPTINPUT"),
    ("ECZROUTPUT", "Zero Rated EC Goods Income", _SALES, [("VAT", "0", False)], "ECOUTPUT"),
    ("ECZROUTPUTSERVICES", "Zero Rated EC Services", _SALES, [("VAT", "0", False)], "ECOUTPUTSERVICES"),
    ("ECINPUT", "20% (EC Acquisitions)", _COSTS, [("VAT", "0", False)], "ECINPUT"),
    ("NONE", "No VAT", _BOTH, [("VAT", "0", False)], "NONE"),
    ("TAX001", "Levy and VAT on it", _SALES, [("Levy", "5", False), ("VAT", "8", True)], "OUTPUT"),
]
_TRACKING = {"Warehouse": ("London", "Paris", "Berlin"), "Channel": ("Web", "Shop", "B2B")}
_CURRENCIES = {"GBP": "British Pound", "EUR": "Euro", "USD": "United States Dollar"}
_ITEMS = [
    ("MUG-01", "Stoneware mug", "8.50", "3.20"),
    ("BOWL-02", "Serving bowl", "24.00", "10.75"),
    ("THROW-03", "Wool throw", "65.00", "31.00"),
    ("CANDLE-04", "Beeswax candle", "12.00", "4.40"),
    ("TEA-05", "Breakfast tea, 250 g", "6.75", "2.90"),
]


def _key(tenant: str, *names: str) -> str:
    return str(uuid5(NAMESPACE_URL, "/".join((tenant, *names))))


def plant(store: Store, tenant: str, stamp: int) -> None:
    """Fill one organisation."""
    store.put(tenant, "organisation", _organisation(tenant, stamp))
    for account in _ACCOUNTS:
        store.put(tenant, "account", _account(tenant, stamp, *account))
    for tax in _TAXES:
        store.put(tenant, "tax_rate", _tax(*tax))
    for name, options in _TRACKING.items():
        store.put(tenant, "tracking", _tracking(tenant, name, options))
    for code, description in _CURRENCIES.items():
        store.put(tenant, "currency", {"Code": code, "Description": description})
    for item in _ITEMS:
        store.put(tenant, "item", _item(tenant, stamp, *item))


def _organisation(tenant: str, stamp: int) -> Json:
    name = ORGANISATIONS[tenant]
    return {
        "OrganisationID": tenant,
        "Name": name,
        "LegalName": name,
        "PaysTax": True,
        "Version": "UK",
        "OrganisationType": "COMPANY",
        "BaseCurrency": "GBP",
        "CountryCode": "GB",
        "IsDemoCompany": False,
        "OrganisationStatus": "ACTIVE",
        "FinancialYearEndDay": 31,
        "FinancialYearEndMonth": 3,
        "SalesTaxBasis": "ACCRUALS",
        "SalesTaxPeriod": "QUARTERLY1",
        "DefaultSalesTax": "Tax Exclusive",
        "DefaultPurchasesTax": "Tax Exclusive",
        "CreatedDateUTC": stamp,
        "OrganisationEntityType": "COMPANY",
        "Timezone": "GMTSTANDARDTIME",
        "ShortCode": f"!{tenant[-4:]}",
        "Class": "PREMIUM",
        "Edition": "BUSINESS",
        "Addresses": [],
        "Phones": [],
        "ExternalLinks": [],
        "PaymentTerms": {"Sales": {"Day": 30, "Type": "DAYSAFTERBILLDATE"}},
    }


def _account(
    tenant: str, stamp: int, code: str, name: str, kind: str, group: str, tax: str, pays: bool, status: str
) -> Json:
    account: Json = {
        "AccountID": _key(tenant, "account", code),
        "Code": code,
        "Name": name,
        "Status": status,
        "Type": kind,
        "TaxType": tax,
        "Class": group,
        "EnablePaymentsToAccount": pays,
        "ShowInExpenseClaims": False,
        "HasAttachments": False,
        "AddToWatchlist": False,
        "UpdatedDateUTC": stamp,
    }
    if kind == "BANK":
        account |= {"BankAccountNumber": f"1234560{code}", "BankAccountType": "BANK", "CurrencyCode": "GBP"}
    return account


def _tax(code: str, name: str, applies: str, components: list[tuple[str, str, bool]], report: str) -> Json:
    plain = sum(Decimal(rate) for _, rate, compound in components if not compound)
    on_top = sum((100 + plain) * Decimal(rate) / 100 for _, rate, compound in components if compound)
    flags: dict[str, Any] = {
        f"CanApplyTo{group}": group in applies.split()
        for group in ("Assets", "Equity", "Expenses", "Liabilities", "Revenue")
    }
    return {
        "TaxType": code,
        "Name": name,
        "Status": "ACTIVE",
        "ReportTaxType": report,
        **flags,
        "DisplayTaxRate": Decimal(plain + on_top).quantize(Decimal("0.0001")),
        "EffectiveRate": Decimal(plain + on_top).quantize(Decimal("0.0001")),
        "TaxComponents": [
            {"Name": part, "Rate": Decimal(rate), "IsCompound": compound, "IsNonRecoverable": False}
            for part, rate, compound in components
        ],
    }


def _tracking(tenant: str, name: str, options: tuple[str, ...]) -> Json:
    key = _key(tenant, "tracking", name)
    return {
        "TrackingCategoryID": key,
        "Name": name,
        "Status": "ACTIVE",
        "Options": [
            {"TrackingOptionID": _key(tenant, "tracking", name, option), "Name": option, "Status": "ACTIVE"}
            for option in options
        ],
    }


def _item(tenant: str, stamp: int, *item: str) -> Json:
    code, name, price, cost = item
    return {
        "ItemID": _key(tenant, "item", code),
        "Code": code,
        "Name": name,
        "Description": name,
        "IsSold": True,
        "IsPurchased": True,
        "IsTrackedAsInventory": False,
        "SalesDetails": {"UnitPrice": Decimal(price), "AccountCode": "200", "TaxType": "OUTPUT2"},
        "PurchaseDetails": {"UnitPrice": Decimal(cost), "AccountCode": "310", "TaxType": "INPUT2"},
        "UpdatedDateUTC": stamp,
    }
