"""Idempotency keys: six minutes, changed requests, 500s, requests still at work."""

from concurrent.futures import ThreadPoolExecutor

from deployments.sandbox.server import Sandbox
from tests.sandbox.api import Api, bill


def test_the_same_request_brings_the_same_answer_and_costs_quota(api: Api, sandbox: Sandbox) -> None:
    sandbox.control("POST", "/clock", {"set": sandbox.state()["clock"]})  # one minute's window for both
    contact = api.contact()
    first = api.write("PUT", "Invoices", bill(contact), key="k-1")
    second = api.write("PUT", "Invoices", bill(contact), key="k-1")
    assert first.content == second.content
    assert len(api.list("Invoices")) == 1
    left = [int(answer.headers["x-minlimit-remaining"]) for answer in (first, second)]
    assert left[1] == left[0] - 1


def test_another_request_under_the_key_is_refused(api: Api) -> None:
    contact = api.contact()
    api.write("PUT", "Invoices", bill(contact), key="k-1")
    for changed in (
        api.write("PUT", "Invoices", bill(contact, Date="2026-11-04"), key="k-1"),
        api.write("POST", "Invoices", bill(contact), key="k-1"),
        api.write("PUT", "Invoices", bill(contact), key="k-1", unitdp=4),
    ):
        assert (changed.status_code, changed.json()["Type"]) == (400, "ValidationException")
    assert len(api.list("Invoices")) == 1


def test_a_key_lives_six_minutes(api: Api, sandbox: Sandbox) -> None:
    contact = api.contact()
    api.write("PUT", "Invoices", bill(contact), key="k-1")
    sandbox.advance(359)
    api.write("PUT", "Invoices", bill(contact), key="k-1")
    assert len(api.list("Invoices")) == 1
    sandbox.advance(2)
    api.write("PUT", "Invoices", bill(contact), key="k-1")
    assert len(api.list("Invoices")) == 2


def test_a_500_is_kept_under_the_key(api: Api, sandbox: Sandbox) -> None:
    contact = api.contact()
    sandbox.fault("error_before", method="PUT", path="/Invoices$", next=1)
    for _ in range(2):
        assert api.write("PUT", "Invoices", bill(contact), key="k-1").status_code == 500
    assert api.list("Invoices") == []
    assert api.write("PUT", "Invoices", bill(contact), key="k-2").status_code == 200


def test_a_lost_answer_is_there_for_the_asking(api: Api, sandbox: Sandbox) -> None:
    contact = api.contact()
    sandbox.fault("cut", method="PUT", path="/Invoices$")
    api.unjudged().write("PUT", "Invoices", bill(contact), key="k-1")
    again = api.write("PUT", "Invoices", bill(contact), key="k-1").json()["Invoices"]
    assert [one["InvoiceID"] for one in again] == [one["InvoiceID"] for one in api.list("Invoices")]


def test_a_request_still_at_work_is_waited_for(api: Api, sandbox: Sandbox) -> None:
    contact = api.contact()
    sandbox.fault("slow", method="PUT", path="/Invoices$", seconds=0.3)
    with ThreadPoolExecutor() as pool:
        asked = [pool.submit(api.write, "PUT", "Invoices", bill(contact), key="k-1") for _ in range(3)]
        answers = [one.result() for one in asked]
    assert len({answer.content for answer in answers}) == 1
    assert len(api.list("Invoices")) == 1
    assert sandbox.state()["max_in_flight"] == 3


def test_a_key_is_at_most_128_long(api: Api) -> None:
    contact = api.contact()
    assert api.write("PUT", "Invoices", bill(contact), key="k" * 128).status_code == 200
    assert api.write("PUT", "Invoices", bill(contact), key="k" * 129).status_code == 400
