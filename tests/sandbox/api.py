"""How the tests here speak to the two stand-ins."""

from decimal import Decimal
from typing import Any

import httpx

from deployments.sandbox.server import Sandbox
from tests.sandbox.judge import Judge

TENANT = "5a9d0b0e-0000-4000-8000-000000000001"
OTHER_TENANT = "5a9d0b0e-0000-4000-8000-000000000002"
SECRET = {"client_id": "sandbox-client", "client_secret": "sandbox-secret"}
ZERO_ID = "00000000-0000-0000-0000-000000000000"


class Api:
    """Xero's accounting API, every call judged."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.judge = Judge.xero()
        self.root = sandbox.xero_url
        self.http = httpx.Client(
            base_url=f"{sandbox.xero_url}/api.xro/2.0", timeout=20, trust_env=False, verify=False
        )
        self.http.event_hooks = self.judge.hooks()
        self.http.headers.update({"accept": "application/json", "xero-tenant-id": TENANT})
        self.login()

    def login(self) -> None:
        form = {"grant_type": "client_credentials", **SECRET}
        answer = self.http.post(f"{self.root}/connect/token", data=form)
        self.http.headers["authorization"] = f"Bearer {answer.json()['access_token']}"

    def unjudged(self) -> "Api":
        """The same for calls that break the contract on purpose."""
        self.http.event_hooks = {}
        return self

    def get(self, path: str, headers: dict[str, str] | None = None, **query: Any) -> httpx.Response:
        return self.http.get(path, params=query, headers=headers)

    def write(
        self, method: str, plural: str, *elements: dict[str, Any], key: str | None = None, **query: Any
    ) -> httpx.Response:
        headers = {"Idempotency-Key": key} if key else None
        query = {"summarizeErrors": "false", **query}
        return self.http.request(method, plural, json={plural: list(elements)}, params=query, headers=headers)

    def put(self, plural: str, *elements: dict[str, Any], **more: Any) -> list[Any]:
        """The answered elements of a PUT that is let in."""
        answer = self.write("PUT", plural, *elements, **more)
        assert answer.status_code == 200, answer.text
        return list(answer.json()[plural])

    def post(self, plural: str, *elements: dict[str, Any], **more: Any) -> list[Any]:
        """The answered elements of a POST that is let in."""
        answer = self.write("POST", plural, *elements, **more)
        assert answer.status_code == 200, answer.text
        return list(answer.json()[plural])

    def list(self, plural: str, headers: dict[str, str] | None = None, **query: Any) -> list[Any]:
        answer = self.get(plural, headers, **query)
        assert answer.status_code == 200, answer.text
        return list(answer.json()[plural])

    def contact(self, name: str = "Harbour Homes Ltd", **fields: Any) -> str:
        [contact] = self.put("Contacts", {"Name": name, **fields})
        assert contact["StatusAttributeString"] == "OK", contact
        return str(contact["ContactID"])


def line(unit: float = 10, **fields: Any) -> dict[str, Any]:
    return {
        "Description": "Stoneware mug",
        "Quantity": 1,
        "UnitAmount": unit,
        "AccountCode": "200",
        "TaxType": "OUTPUT2",
        **fields,
    }


def invoice(contact: str, number: str | None = None, **fields: Any) -> dict[str, Any]:
    document = {
        "Type": "ACCREC",
        "Contact": {"ContactID": contact},
        "Date": "2026-11-02",
        "DueDate": "2026-12-02",
        "LineItems": [line()],
        **fields,
    }
    return document if number is None else {**document, "InvoiceNumber": number}


def bill(contact: str, **fields: Any) -> dict[str, Any]:
    lines = [line(AccountCode="310", TaxType="INPUT2")]
    return invoice(contact, **{"Type": "ACCPAY", "LineItems": lines, **fields})


def order(contact: str, number: str | None = None, **fields: Any) -> dict[str, Any]:
    document = {
        "Contact": {"ContactID": contact},
        "Date": "2026-11-02",
        "LineItems": [line(AccountCode="310", TaxType="INPUT2")],
        **fields,
    }
    return document if number is None else {**document, "PurchaseOrderNumber": number}


def texts(element: dict[str, Any]) -> list[str]:
    """The error texts of an element."""
    return [error["Message"] for error in element.get("ValidationErrors", [])]


def refused(element: dict[str, Any], text: str) -> None:
    """The element is an ERROR, and for this reason."""
    assert element["StatusAttributeString"] == "ERROR", element
    assert any(text in one for one in texts(element)), texts(element)


def money(value: Any) -> Decimal:
    return Decimal(str(value))
