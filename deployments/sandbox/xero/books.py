"""An organisation's reference data, kept at hand while it does not change."""

from datetime import datetime
from decimal import Decimal
from functools import cached_property

from deployments.sandbox.codec import Json
from deployments.sandbox.store import Store
from deployments.sandbox.xero import dates

#: What one unit of the base currency buys, "rate of the day".
RATES = {"GBP": Decimal(1), "EUR": Decimal("1.150000"), "USD": Decimal("1.310000")}


class Books:
    """Accounts, tax rates, tracking, currencies and lock dates of one organisation."""

    def __init__(self, store: Store, tenant: str) -> None:
        self.tenant = tenant
        self._store = store

    @cached_property
    def organisation(self) -> Json:
        """The organisation."""
        found = self._store.get(self.tenant, "organisation", self.tenant)
        assert found is not None  # noqa: S101 - it is made before anyone can ask
        return found

    @cached_property
    def accounts(self) -> dict[str, Json]:
        """Active accounts by code."""
        accounts = self._store.find(self.tenant, "account")
        return {account["Code"]: account for account in accounts if account["Status"] == "ACTIVE"}

    @cached_property
    def taxes(self) -> dict[str, Json]:
        """Active tax rates by TaxType."""
        rates = self._store.find(self.tenant, "tax_rate")
        return {rate["TaxType"]: rate for rate in rates if rate["Status"] == "ACTIVE"}

    @cached_property
    def tracking(self) -> list[Json]:
        """Active tracking categories."""
        categories = self._store.find(self.tenant, "tracking")
        return [category for category in categories if category["Status"] == "ACTIVE"]

    @cached_property
    def currencies(self) -> set[str]:
        """Codes of subscribed currencies."""
        return {currency["Code"] for currency in self._store.find(self.tenant, "currency")}

    @cached_property
    def lock_date(self) -> str:
        """Nothing dated on it or before can be touched; "" if nothing is locked."""
        names = ("PeriodLockDate", "EndOfYearLockDate")
        return max(str(self.organisation.get(name) or "") for name in names)

    def today(self, now: datetime) -> str:
        """The date in the organisation's own zone."""
        return now.astimezone(dates.zone_of(self.organisation["Timezone"])).date().isoformat()

    def rate(self, currency: str) -> Decimal:
        """The day's rate of a currency."""
        return RATES.get(currency, Decimal("1.500000"))
