"""Xero's own client, which nobody here wrote, works against the sandbox."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from xero_python.accounting import AccountingApi, Contact, Contacts, Invoice, Invoices, LineItem
from xero_python.api_client import ApiClient
from xero_python.api_client.configuration import Configuration
from xero_python.api_client.oauth2 import OAuth2Token, TokenApi
from xero_python.exceptions import AccountingBadRequestException, NotFoundException, RateLimitException
from xero_python.identity import IdentityApi

from deployments.sandbox.server import Sandbox
from tests.sandbox.api import SECRET, TENANT
from tests.sandbox.test_oauth import redeem

# xero-python leaves its connection pools to the garbage collector, and uses datetime.utcnow.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")


class Official:
    """xero-python, pointed at the sandbox."""

    def __init__(self, sandbox: Sandbox) -> None:
        import httpx

        self.token: dict[str, Any] = {}
        self.client = ApiClient(
            Configuration(oauth2_token=OAuth2Token(**SECRET)),
            oauth2_token_getter=lambda: self.token,
            oauth2_token_saver=self._save,
        )
        with httpx.Client(base_url=sandbox.xero_url, trust_env=False, verify=False) as http:
            scopes = "offline_access accounting.invoices accounting.contacts accounting.settings.read"
            self._save(redeem(http, scope=scopes))
        self.accounting = AccountingApi(self.client, base_url=f"{sandbox.xero_url}/api.xro/2.0")
        self.identity = IdentityApi(self.client, base_url=sandbox.xero_url)

    def _save(self, token: dict[str, Any]) -> None:
        scope = token.get("scope", "")
        self.token = {**token, "scope": scope.split() if isinstance(scope, str) else scope}


@pytest.fixture
def official(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Official]:
    monkeypatch.setattr(TokenApi, "refresh_token_url", f"{sandbox.xero_url}/connect/token")
    official = Official(sandbox)
    yield official
    official.client.rest_client.pool_manager.clear()


def an_invoice(contact: str, number: str, **fields: Any) -> Invoice:
    lines = [LineItem(description="mug", quantity=2, unit_amount=3.5, account_code="200", tax_type="OUTPUT2")]
    return Invoice(
        type="ACCREC",
        contact=Contact(contact_id=contact),
        invoice_number=number,
        date=date(2026, 11, 2),
        due_date=date(2026, 12, 2),
        line_items=lines,
        **fields,
    )


def a_contact(official: Official) -> str:
    made = official.accounting.create_contacts(TENANT, Contacts(contacts=[Contact(name="Harbour Homes Ltd")]))
    return str(made.contacts[0].contact_id)


def test_it_reads(official: Official) -> None:
    api = official.accounting
    assert api.get_organisations(TENANT).organisations[0].name == "Sandbox Trading Ltd"
    assert {account.code for account in api.get_accounts(TENANT).accounts} >= {"090", "200"}
    assert {rate.tax_type for rate in api.get_tax_rates(TENANT).tax_rates} >= {"OUTPUT2", "INPUT2"}
    assert len(api.get_tracking_categories(TENANT).tracking_categories) == 2
    assert len(api.get_currencies(TENANT).currencies) == 3
    assert api.get_items(TENANT).items
    names = {one.tenant_name for one in official.identity.get_connections()}
    assert names == {"Sandbox Trading Ltd", "Someone Else Ltd"}


def test_it_creates_and_lists(official: Official) -> None:
    api, contact = official.accounting, a_contact(official)
    made = api.create_invoices(
        TENANT,
        Invoices(invoices=[an_invoice(contact, "A-1"), an_invoice(contact, "A-2")]),
        summarize_errors=False,
    )
    assert [(one.invoice_number, float(one.total)) for one in made.invoices] == [("A-1", 8.4), ("A-2", 8.4)]
    found = api.get_invoices(
        TENANT, statuses=["DRAFT", "PAID"], order="InvoiceNumber", page=1, include_archived=True, unitdp=4
    )
    assert [one.invoice_number for one in found.invoices] == ["A-1", "A-2"]
    assert found.invoices[0].date == date(2026, 11, 2)
    ids = [one.invoice_id for one in found.invoices]
    assert len(api.get_invoices(TENANT, i_ds=ids).invoices) == 2
    since = found.invoices[0].updated_date_utc
    assert len(api.get_invoices(TENANT, if_modified_since=since).invoices) == 2


def test_partial_failure(official: Official) -> None:
    api, contact = official.accounting, a_contact(official)
    api.create_invoices(TENANT, Invoices(invoices=[an_invoice(contact, "A-1")]), summarize_errors=False)
    both = Invoices(invoices=[an_invoice(contact, "A-1"), an_invoice(contact, "A-2")])
    made = api.create_invoices(TENANT, both, summarize_errors=False)
    assert [one.status_attribute_string for one in made.invoices] == ["ERROR", "OK"]
    assert made.invoices[0].validation_errors[0].message == "Invoice # must be unique."
    with pytest.raises(AccountingBadRequestException) as failure:
        api.create_invoices(TENANT, Invoices(invoices=[an_invoice(contact, "A-1")]), summarize_errors=True)
    assert failure.value.reason == "Invoice # must be unique."


def test_it_refreshes_its_token(official: Official, sandbox: Sandbox) -> None:
    before = official.token["refresh_token"]
    official.token = {**official.token, "expires_at": 1}
    assert official.accounting.get_organisations(TENANT).organisations
    assert official.token["refresh_token"] != before
    assert sandbox.state()["other_calls"]["POST /connect/token"] == 2


def test_it_knows_our_404_and_429(official: Official, sandbox: Sandbox) -> None:
    with pytest.raises(NotFoundException):
        official.accounting.get_invoice(TENANT, "11111111-2222-4333-8444-555555555555")
    sandbox.fault("throttle", problem="day")
    with pytest.raises(RateLimitException) as limit:
        official.accounting.get_organisations(TENANT)
    assert limit.value.rate_limit == "day"
