"""What Xero tells of its documents, and how it first finds out whom it tells."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from deployments.sandbox import post
from deployments.sandbox.server import Sandbox
from tests.sandbox.api import OTHER_TENANT, TENANT, Api, bill, invoice, line, order
from tests.sandbox.judge import told
from tests.sandbox.receiver import KEY, Answer, Delivery, Receiver, always, until

HOOKS = {"INVOICE": "invoices", "CONTACT": "contacts", "CREDITNOTE": "creditNotes"}
PATHS = {
    "INVOICE": "Invoices",
    "CONTACT": "Contacts",
    "CREDITNOTE": "CreditNotes",
    "PREPAYMENT": "Prepayments",
    "OVERPAYMENT": "Overpayments",
}


def settled(sandbox: Sandbox, receiver: Receiver) -> str:
    """Subscribe, and see how the intent to receive ends."""
    sandbox.subscribe("xero", receiver.url, KEY)
    until(lambda: sandbox.webhook("xero")["status"] != "intent to receive under way")
    return str(sandbox.webhook("xero")["status"])


@pytest.fixture
def heard(sandbox: Sandbox, receiver: Receiver) -> Receiver:
    assert settled(sandbox, receiver) == "OK"
    receiver.deliveries.clear()
    return receiver


def last(sandbox: Sandbox, receiver: Receiver) -> list[dict[str, Any]]:
    """The events that came, once all have; then they are forgotten."""
    until(lambda: sandbox.webhook("xero")["waiting"] == 0)
    found, deliveries = receiver.events(), list(receiver.deliveries)
    receiver.deliveries.clear()
    for delivery in deliveries:
        body = delivery.json
        assert delivery.right
        assert body["lastEventSequence"] == body["firstEventSequence"] + len(body["events"]) - 1
        for event in body["events"]:
            judged(body, event)
    return found


def judged(body: dict[str, Any], event: dict[str, Any]) -> None:
    """By Xero's own description; it does not know the newest categories yet, which look like the others."""
    category = event["eventCategory"]
    hook = HOOKS.get(category, "contacts")
    known = event if category in HOOKS else {**event, "eventCategory": "CONTACT"}
    assert told("webhooks", hook, {**body, "events": [known]}) == []
    assert event["resourceUrl"].endswith(f"/api.xro/2.0/{PATHS[category]}/{event['resourceId']}")


def brief(events: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(event["eventCategory"], event["eventType"]) for event in events]


def test_the_intent_to_receive(sandbox: Sandbox, receiver: Receiver) -> None:
    assert settled(sandbox, receiver) == "OK"
    for delivery in receiver.deliveries:
        body = delivery.json
        assert (body["events"], body["firstEventSequence"], body["lastEventSequence"]) == ([], 0, 0)
    signed = [(one.right, "x-xero-signature" in one.headers) for one in receiver.deliveries]
    assert {(True, True), (False, True), (False, False)} == set(signed)
    assert signed[0] == (True, True)


def _dressed(headers: dict[str, str], body: bytes) -> Callable[[Delivery], Answer]:
    return lambda delivery: (200 if delivery.right else 401, headers, body)


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        (always(200), "try 2 of 5, signed wrongly, was answered 200 instead of 401"),
        (always(401), "try 1 of 5, signed rightly, was answered 401 instead of 200"),
        (always(204), "answered 204 instead of 200"),
        (_dressed({}, b"thanks"), "answered with a body"),
        (_dressed({"Set-Cookie": "a=b"}, b""), "answered with a cookie"),
        (
            lambda one: (200 if one.right or "x-xero-signature" not in one.headers else 401, {}, b""),
            "try 3 of 5, not signed at all, was answered 200 instead of 401",
        ),
    ],
)
def test_a_receiver_that_is_wrong_is_told_nothing(
    sandbox: Sandbox, receiver: Receiver, answers: Callable[[Delivery], Answer], says: str
) -> None:
    receiver.answers = answers
    assert settled(sandbox, receiver) == "intent to receive required"
    assert says in sandbox.webhook("xero")["reason"]
    sandbox.edit("create", kind="contact", fields={"Name": "Unheard"})
    shown = sandbox.webhook("xero")
    assert (shown["waiting"], shown["delivered"], receiver.events()) == (0, 0, [])
    sandbox.reset()
    assert sandbox.webhook("xero")["status"] == "intent to receive required"


def test_a_receiver_that_is_late_or_not_there(
    sandbox: Sandbox, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(post, "SECONDS", 0.0)
    assert settled(sandbox, receiver) == "intent to receive required"
    assert "no answer within" in sandbox.webhook("xero")["reason"]


def test_nothing_goes_out_before_it_is_known(sandbox: Sandbox, receiver: Receiver) -> None:
    seen: list[str] = []

    def ask(delivery: Delivery) -> Answer:
        if not seen:
            seen.append(sandbox.webhook("xero")["status"])
            sandbox.edit("create", kind="contact", fields={"Name": "Too early"})
        return (200 if delivery.right else 401), {}, b""

    receiver.answers = ask
    assert settled(sandbox, receiver) == "OK"
    assert seen == ["intent to receive under way"]
    assert sandbox.webhook("xero")["waiting"] + len(receiver.events()) == 0


def test_our_own_writes_come_back(api: Api, sandbox: Sandbox, heard: Receiver) -> None:
    contact = api.contact()
    assert brief(last(sandbox, heard)) == [("CONTACT", "CREATE")]
    [made] = api.put("Invoices", invoice(contact, "A-1"))
    [event] = last(sandbox, heard)
    assert event == {
        "resourceUrl": f"{sandbox.xero_url}/api.xro/2.0/Invoices/{made['InvoiceID']}",
        "resourceId": made["InvoiceID"],
        "tenantId": TENANT,
        "tenantType": "ORGANISATION",
        "eventCategory": "INVOICE",
        "eventType": "CREATE",
        "eventDateUtc": event["eventDateUtc"],
    }
    api.post("Invoices", {"InvoiceID": made["InvoiceID"], "Reference": "new"})
    assert brief(last(sandbox, heard)) == [("INVOICE", "UPDATE")]
    [note] = api.put(
        "CreditNotes",
        {
            "Type": "ACCRECCREDIT",
            "Contact": {"ContactID": contact},
            "Date": "2026-11-02",
            "LineItems": [line()],
        },
    )
    [event] = last(sandbox, heard)
    assert (event["resourceId"], event["eventCategory"]) == (note["CreditNoteID"], "CREDITNOTE")
    assert event["data"] == {"Type": "ACCRECCREDIT", "Status": "DRAFT"}


def test_an_events_date_is_the_documents_stamp(api: Api, sandbox: Sandbox, heard: Receiver) -> None:
    for clock in ("2026-11-05T10:00:00.129Z", "2026-11-05T10:00:01Z"):
        sandbox.control("POST", "/clock", {"set": clock})
        [made] = api.put("Invoices", bill(api.contact(clock)))
        [_, event] = last(sandbox, heard)
        wire = re.fullmatch(r"/Date\((\d+)\+0000\)/", made["UpdatedDateUTC"])
        assert wire is not None
        seconds, millis = divmod(int(wire[1]), 1000)
        assert event["eventDateUtc"] == f"2026-11-05T10:00:0{seconds % 60}.{millis:03}"


def test_fifty_invoices_are_fifty_events(api: Api, sandbox: Sandbox, heard: Receiver) -> None:
    contact = api.contact()
    last(sandbox, heard)
    asked = [invoice(contact, f"A-{n}") for n in range(49)]
    made = api.put("Invoices", *asked, invoice(contact, "A-0"))  # the last one's number is taken
    ids = [one["InvoiceID"] for one in made[:49]]
    assert made[49]["StatusAttributeString"] == "ERROR"
    assert [event["resourceId"] for event in last(sandbox, heard)] == ids
    answer = api.write("PUT", "Invoices", *asked[:2], summarizeErrors="true")
    assert answer.status_code == 400
    assert last(sandbox, heard) == []


def test_what_has_no_events(api: Api, sandbox: Sandbox, heard: Receiver) -> None:
    contact = api.contact()
    last(sandbox, heard)
    api.put("PurchaseOrders", order(contact, "P-1"))
    api.put("Items", {"Code": "MUG", "Name": "Mug"})
    sandbox.edit("edit", kind="item", number="MUG", fields={"Name": "Mugs"})
    sandbox.edit("lock", period="2020-01-01")
    assert last(sandbox, heard) == []


@pytest.mark.parametrize(("tells", "events"), [(True, [("INVOICE", "UPDATE")]), (False, [])])
def test_a_payment_may_be_told_as_its_invoice(
    api: Api, sandbox: Sandbox, heard: Receiver, tells: bool, events: list[tuple[str, str]]
) -> None:
    sandbox.settings(switches={"payment_sends_event": tells})
    api.put("Invoices", invoice(api.contact(), "A-1", Status="AUTHORISED"))
    last(sandbox, heard)
    sandbox.edit("pay", number="A-1", amount=5)
    assert brief(last(sandbox, heard)) == events
    sandbox.edit("remove_payment", number="A-1")
    assert brief(last(sandbox, heard)) == events


def test_what_people_do(api: Api, sandbox: Sandbox, heard: Receiver) -> None:
    for number in ("A-1", "A-2"):
        api.put("Invoices", invoice(api.contact(number), number, Status="AUTHORISED"))
    last(sandbox, heard)

    def edit(action: str, **what: Any) -> list[tuple[str, str]]:
        sandbox.edit(action, **what)
        return brief(last(sandbox, heard))

    allocated = [("INVOICE", "UPDATE")]
    for kind, category in (("prepayment", "PREPAYMENT"), ("overpayment", "OVERPAYMENT")):
        found = edit("credit", number="A-1", amount=1, by=kind)
        assert found == [(category, "CREATE"), (category, "UPDATE"), *allocated]
    assert edit("credit", number="A-1", amount=1)[-1:] == allocated
    # A due date of a part-paid invoice does not move its stamp, and so is not told either.
    assert edit("edit", kind="invoice", number="A-1", fields={"DueDate": "2027-01-01"}) == []
    assert edit("edit", kind="contact", name="A-1", fields={"EmailAddress": "a@b.example"}) == [
        ("CONTACT", "UPDATE")
    ]
    assert edit("void", number="A-2") == [("INVOICE", "UPDATE")]
    into = api.contact("One")
    last(sandbox, heard)
    merged = edit("merge_contacts", name="A-2", into=into)
    assert merged == [("INVOICE", "UPDATE"), ("CONTACT", "UPDATE")]
    assert edit("archive_contact", id=into) == [("CONTACT", "UPDATE")]
    assert edit("erase", kind="invoice", number="A-2") == []


def test_each_organisation_is_told_of(sandbox: Sandbox, heard: Receiver) -> None:
    for tenant in (TENANT, OTHER_TENANT):
        sandbox.edit("create", kind="contact", fields={"Name": "Same"}, tenant=tenant)
    assert [event["tenantId"] for event in last(sandbox, heard)] == [TENANT, OTHER_TENANT]


def test_what_gathers_goes_in_one_body_that_is_not_too_heavy(
    api: Api, sandbox: Sandbox, heard: Receiver
) -> None:
    api.put("Invoices", invoice(api.contact(), "A-1"))
    last(sandbox, heard)
    sandbox.edit("copy", number="A-1", times=2_500)
    until(lambda: sandbox.webhook("xero")["waiting"] == 0)
    sizes = [(len(one.json["events"]), len(one.body) < 1_000_000) for one in heard.deliveries]
    assert sizes == [(1_000, True), (1_000, True), (500, True)]
    numbers = [(one.json["firstEventSequence"], one.json["lastEventSequence"]) for one in heard.deliveries]
    assert [first for first, _ in numbers[1:]] == [end + 1 for _, end in numbers[:-1]]
    assert len({event["resourceId"] for event in last(sandbox, heard)}) == 2_500


def test_a_refused_body_comes_again_as_it_was(sandbox: Sandbox, heard: Receiver) -> None:
    sandbox.control("POST", "/clock", {"set": "2026-11-05T10:00:00Z"})
    heard.answers = always(500)
    sandbox.edit("create", kind="contact", fields={"Name": "One"})
    until(lambda: sandbox.webhook("xero")["refused"] == 1)
    sandbox.edit("create", kind="contact", fields={"Name": "Two"})
    heard.answers = always(200)
    sandbox.advance(5)
    until(lambda: sandbox.webhook("xero")["waiting"] == 0)
    first, again, new = heard.deliveries
    assert (first.body, first.headers["x-xero-signature"]) == (again.body, again.headers["x-xero-signature"])
    assert new.json["firstEventSequence"] == first.json["lastEventSequence"] + 1


def test_a_contact_of_a_refused_invoice_is_not_told(api: Api, sandbox: Sandbox, heard: Receiver) -> None:
    asked = invoice("", Contact={"Name": "New"}, LineItems=[line(AccountCode="333")])
    [element] = api.put("Invoices", asked)
    assert element["StatusAttributeString"] == "ERROR"
    api.contact("Another")
    assert brief(last(sandbox, heard)) == [("CONTACT", "CREATE")]


def test_shuffled_events_come_in_the_same_disorder_each_time(
    api: Api, sandbox: Sandbox, receiver: Receiver
) -> None:
    def arrived(**how: Any) -> list[int]:
        sandbox.reset()
        api.login()
        sandbox.subscribe("xero", receiver.url, KEY, **how)
        until(lambda: sandbox.webhook("xero")["status"] == "OK")
        receiver.deliveries.clear()
        asked = [invoice("", f"{n}", Contact={"Name": "One"}) for n in range(50)]
        made = [one["InvoiceID"] for one in api.put("Invoices", *asked)]
        told = [event for event in last(sandbox, receiver) if event["eventCategory"] == "INVOICE"]
        return [made.index(event["resourceId"]) for event in told]

    assert arrived() == list(range(50))
    first = arrived(shuffle=True, window_ms=50, seed=3)
    assert first == arrived(shuffle=True, window_ms=50, seed=3)
    assert first != sorted(first) == list(range(50))
