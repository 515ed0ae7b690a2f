"""Each fault does what it says, to the calls it names."""

import time

import httpx
import pytest

from deployments.sandbox.server import Sandbox
from tests.sandbox.api import Api, bill

PUT = {"method": "PUT", "path": "/Invoices$"}


def made(api: Api) -> int:
    return len(api.list("Invoices"))


def send(api: Api) -> httpx.Response:
    return api.unjudged().write("PUT", "Invoices", bill(api.list("Contacts")[0]["ContactID"]))


@pytest.fixture
def ready(api: Api) -> Api:
    api.contact()
    return api


def test_lose_answer(ready: Api, sandbox: Sandbox) -> None:
    sandbox.fault("lose_answer", **PUT)
    with pytest.raises(httpx.TransportError):
        send(ready)
    assert made(ready) == 1


@pytest.mark.parametrize(("kind", "stored"), [("error_before", 0), ("error_after", 1)])
def test_errors(ready: Api, sandbox: Sandbox, kind: str, stored: int) -> None:
    sandbox.fault(kind, **PUT)
    assert send(ready).status_code == 500
    assert made(ready) == stored


def test_cut_short(ready: Api, sandbox: Sandbox) -> None:
    sandbox.fault("cut", **PUT)
    answer = send(ready)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        answer.json()
    assert made(ready) == 1


def test_cut_off(ready: Api, sandbox: Sandbox) -> None:
    sandbox.fault("cut", broken=True, **PUT)
    with pytest.raises(httpx.TransportError):
        send(ready)
    assert made(ready) == 1


@pytest.mark.parametrize(
    ("how", "headers"),
    [
        ({"problem": "minute", "retry_after": 7}, {"x-rate-limit-problem": "minute", "retry-after": "7"}),
        ({"problem": "day", "retry_after": 9000}, {"x-rate-limit-problem": "day", "retry-after": "9000"}),
        ({"problem": "concurrent"}, {"x-rate-limit-problem": "concurrent"}),
    ],
)
def test_throttle(ready: Api, sandbox: Sandbox, how: dict[str, object], headers: dict[str, str]) -> None:
    sandbox.fault("throttle", next=2, **PUT, **how)
    codes = [answer.status_code for answer in (send(ready), send(ready), send(ready))]
    assert codes == [429, 429, 200]
    sandbox.fault("throttle", **PUT, **how)
    answer = send(ready)
    assert {name: answer.headers.get(name) for name in headers} == headers
    assert ("retry-after" in answer.headers) is ("retry-after" in headers)


def test_offline(ready: Api, sandbox: Sandbox) -> None:
    sandbox.fault("offline", **PUT)
    answer = send(ready)
    assert (answer.status_code, answer.text) == (503, "The Organisation is offline")
    assert answer.headers["content-type"].startswith("text/plain")
    assert made(ready) == 0


@pytest.mark.parametrize("kind", ["slow", "slow_answer"])
def test_slow(ready: Api, sandbox: Sandbox, kind: str) -> None:
    sandbox.fault(kind, seconds=0.2, **PUT)
    start = time.perf_counter()
    assert send(ready).status_code == 200
    assert time.perf_counter() - start >= 0.2


@pytest.mark.parametrize(("kind", "stored"), [("slow", 0), ("slow_answer", 1)])
def test_a_slow_call_goes_on_after_its_client_left(
    ready: Api, sandbox: Sandbox, kind: str, stored: int
) -> None:
    sandbox.fault(kind, seconds=0.4, **PUT)
    body = {"Invoices": [bill(ready.list("Contacts")[0]["ContactID"])]}
    with pytest.raises(httpx.ReadTimeout):
        ready.http.put("Invoices", json=body, timeout=0.1)
    assert made(ready) == stored
    time.sleep(0.5)
    assert made(ready) == 1


def test_unknown_enum(ready: Api, sandbox: Sandbox) -> None:
    send(ready), send(ready)
    sandbox.fault("unknown_enum", method="GET", path="/Invoices")
    ready.unjudged()
    assert [one["Status"] for one in ready.list("Invoices")] == ["UNHEARDOF", "DRAFT"]
    assert [one["Status"] for one in ready.list("Invoices")] == ["DRAFT", "DRAFT"]


def test_expire_tokens(ready: Api, sandbox: Sandbox) -> None:
    sandbox.fault("expire_tokens", path="/Invoices")
    assert ready.get("Contacts").status_code == 200
    assert ready.get("Invoices").status_code == 401
    ready.login()
    assert ready.get("Invoices").status_code == 200


def test_tokens_can_be_lost_too(api: Api, sandbox: Sandbox) -> None:
    sandbox.fault("lose_answer", path="/connect/token")
    with pytest.raises(httpx.TransportError):
        api.login()
    for kind, status in (("error_before", 500), ("error_after", 500), ("offline", 503)):
        sandbox.fault(kind, path="/connections")
        assert api.unjudged().http.get(f"{api.root}/connections").status_code == status
    assert api.http.get(f"{api.root}/connections").status_code == 200


def test_broken_answers_leave_no_noise(
    ready: Api, sandbox: Sandbox, capfd: pytest.CaptureFixture[str]
) -> None:
    for kind in ("lose_answer", "cut"):
        sandbox.fault(kind, broken=True, **PUT)
        with pytest.raises(httpx.TransportError):
            send(ready)
    assert made(ready) == 2
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("how", "struck"),
    [({"every": 3}, [3, 6]), ({"next": 2}, [1, 2]), ({"at": [2, 5]}, [2, 5]), ({}, [1])],
)
def test_which_calls(ready: Api, sandbox: Sandbox, how: dict[str, object], struck: list[int]) -> None:
    sandbox.fault("offline", method="GET", path="/Organisation", **how)
    codes = [ready.get("Organisation").status_code for _ in range(7)]
    assert [n for n, status in enumerate(codes, 1) if status == 503] == struck
    [fault] = sandbox.control("GET", "/faults")
    assert (fault["seen"], fault["done"]) == (7, len(struck))
    sandbox.clear_faults()
    assert sandbox.control("GET", "/faults") == []


def test_mistakes_are_named(sandbox: Sandbox) -> None:
    for wrong in ({"kind": "explode"}, {"kind": "slow", "sometimes": 1}):
        with pytest.raises(ValueError, match=r"kind must be|unknown fields"):
            sandbox.control("POST", "/faults", wrong)
    with pytest.raises(ValueError, match="unknown switches"):
        sandbox.settings(switches={"no_such": 1})
    with pytest.raises(ValueError, match="unknown settings"):
        sandbox.settings(no_such=1)
    with pytest.raises(ValueError, match="action must be"):
        sandbox.edit("dance")


def test_monstocks_faults(monstock: httpx.Client, sandbox: Sandbox) -> None:
    sandbox.load_orders([{"id": "o-1", "lines": [{"name": "mug", "quantity": "1", "unitPrice": "2"}]}])
    monstock.event_hooks = {}
    sandbox.fault("lose_answer", on="monstock")
    with pytest.raises(httpx.TransportError):
        monstock.get("/customer-orders")
    for kind, status in (("error_before", 500), ("error_after", 500), ("offline", 503), ("throttle", 429)):
        sandbox.fault(kind, on="monstock")
        assert monstock.get("/customer-orders").status_code == status
    sandbox.fault("unknown_enum", on="monstock")
    assert monstock.get("/customer-orders").json()["data"][0]["status"] == "on_hold"
    sandbox.fault("cut", on="monstock", broken=True)
    with pytest.raises(httpx.TransportError):
        monstock.get("/customer-orders")
    assert monstock.get("/customer-orders").json()["data"][0]["status"] == "confirmed"


def test_the_guide_names_everything(sandbox: Sandbox) -> None:
    for root in (sandbox.xero_url, sandbox.monstock_root):
        text = httpx.get(f"{root}/sandbox", trust_env=False).text
        assert "POST   /sandbox/faults" in text
        assert "lose_answer" in text
        assert "PUT    /sandbox/webhook" in text
