"""What a person would write first: a loop of xero-python's create_invoices, 50 a call. Nothing is mapped, checked
or recorded. Contacts are made before the clock starts. Prints its seconds."""

import sys
import time
from datetime import date

from xero_python.accounting import (
    AccountingApi,
    Contact,
    Contacts,
    CurrencyCode,
    Invoice,
    Invoices,
    LineAmountTypes,
    LineItem,
)
from xero_python.api_client import ApiClient
from xero_python.api_client.configuration import Configuration
from xero_python.api_client.oauth2 import OAuth2Token

from tests.benchmarks.books import TENANT, token
from tests.benchmarks.orders import CUSTOMERS

A_CALL = 50


def api(xero_url: str) -> AccountingApi:
    """The official client, signed in."""
    client = ApiClient(
        Configuration(oauth2_token=OAuth2Token(client_id="sandbox-client", client_secret="sandbox-secret"))
    )
    signed_in = {**token(xero_url), "refresh_token": "none"}
    client.oauth2_token_getter(lambda: signed_in)
    client.oauth2_token_saver(lambda _: None)
    return AccountingApi(client, base_url=f"{xero_url}/api.xro/2.0")


def contacts(xero: AccountingApi) -> list[str]:
    """The customers' ids, made 50 a call."""
    ids = []
    for start in range(0, CUSTOMERS, A_CALL):
        part = [Contact(name=f"Customer {n}") for n in range(start, start + A_CALL)]
        ids += [c.contact_id for c in xero.create_contacts(TENANT, Contacts(contacts=part)).contacts]
    return ids


def invoice(number: int, contact_id: str) -> Invoice:
    """The document of `orders.order(number)`."""
    line = LineItem(
        description="Stoneware mug", quantity=3, unit_amount=12.5, account_code="200", tax_type="OUTPUT2"
    )
    return Invoice(
        type="ACCREC",
        contact=Contact(contact_id=contact_id),
        invoice_number=f"MS-CO-{number:07d}",
        url=f"http://127.0.0.1:8401/app/customer-orders/co-{number}",
        date=date(2026, 10, 1),
        due_date=date(2026, 10, 31),
        line_amount_types=LineAmountTypes.EXCLUSIVE,
        currency_code=CurrencyCode.GBP,
        status="DRAFT",
        line_items=[line],
    )


def main() -> None:
    xero_url, documents = sys.argv[1], int(sys.argv[2])
    xero = api(xero_url)
    ids = contacts(xero)
    begun = time.perf_counter()
    for start in range(0, documents, A_CALL):
        part = [invoice(n, ids[n % CUSTOMERS]) for n in range(start, min(start + A_CALL, documents))]
        xero.create_invoices(TENANT, Invoices(invoices=part), summarize_errors=False, unitdp=4)
    print(time.perf_counter() - begun)


if __name__ == "__main__":
    main()
