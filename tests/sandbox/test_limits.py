"""Limits: windows, calls in flight, the shape of a 429."""

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from deployments.sandbox.server import Sandbox
from tests.sandbox.api import TENANT, Api


@pytest.fixture
def limited(api: Api, sandbox: Sandbox) -> Api:
    """Limits on, and the clock standing still."""
    sandbox.control("POST", "/clock", {"set": "2026-11-10T12:00:00Z"})
    api.login()
    sandbox.control("DELETE", "/calls")
    sandbox.settings(limits=True)
    return api


def test_sixty_a_minute_then_429_until_the_window_ends(limited: Api, sandbox: Sandbox) -> None:
    answers = [limited.get("Organisation") for _ in range(61)]
    assert [answer.status_code for answer in answers] == [200] * 60 + [429]
    assert [answers[n].headers["x-minlimit-remaining"] for n in (0, 59)] == ["59", "0"]
    last = answers[-1]
    assert (last.content, last.headers.get("content-type")) == (b"", None)
    assert last.headers["x-rate-limit-problem"] == "minute"
    assert last.headers["x-daylimit-remaining"] == "4940"
    wait = int(last.headers["retry-after"])
    assert 1 <= wait <= 60
    sandbox.advance(wait - 1)
    assert limited.get("Organisation").status_code == 429
    sandbox.advance(1)
    assert limited.get("Organisation").status_code == 200
    assert sandbox.state()["refused"] == {"429 minute": 2}


@pytest.mark.parametrize(
    ("setting", "problem", "waits"),
    [("day_limit", "day", True), ("app_minute_limit", "appminute", False), ("minute_limit", "minute", True)],
)
def test_other_windows(limited: Api, sandbox: Sandbox, setting: str, problem: str, waits: bool) -> None:
    sandbox.settings(**{setting: 2})
    answers = [limited.get("Organisation") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[-1].headers["x-rate-limit-problem"] == problem
    assert ("retry-after" in answers[-1].headers) is waits


def test_five_in_flight(limited: Api, sandbox: Sandbox) -> None:
    sandbox.fault("slow", path="/Organisation", every=1, seconds=0.3)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: limited.get("Organisation"), range(7)))
    refused = [answer for answer in answers if answer.status_code == 429]
    assert len(refused) == 2
    assert refused[0].headers["x-rate-limit-problem"] == "concurrent"
    assert "retry-after" not in refused[0].headers
    assert sandbox.state()["max_in_flight"] > 5


def test_each_organisation_has_its_own_window() -> None:
    from deployments.sandbox.clock import Clock
    from deployments.sandbox.limits import MINUTE, Meter

    meter = Meter(Clock())
    assert meter.wait(TENANT, MINUTE) != meter.wait(f"{TENANT[:-1]}2", MINUTE)


def test_monstock_allows_300_a_minute(monstock: httpx.Client, sandbox: Sandbox) -> None:
    sandbox.control("POST", "/clock", {"set": "2026-11-10T12:00:00Z"})
    sandbox.settings(on="monstock", limits=True)
    codes = [monstock.get("/contacts").status_code for _ in range(300)]
    assert codes == [200] * 300
    refused = monstock.get("/contacts")
    assert refused.status_code == 429
    assert refused.headers["content-type"] == "application/problem+json"
    sandbox.advance(int(refused.headers["retry-after"]))
    assert monstock.get("/contacts").status_code == 200


def test_monstock_allows_ten_in_flight(monstock: httpx.Client, sandbox: Sandbox) -> None:
    sandbox.settings(on="monstock", limits=True)
    sandbox.fault("slow", on="monstock", every=1, seconds=0.3)
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: monstock.get("/contacts"), range(12)))
    assert sorted(answer.status_code for answer in answers) == [200] * 10 + [429] * 2


def test_calls_are_counted_by_kind(limited: Api, sandbox: Sandbox) -> None:
    limited.get("Organisation")
    limited.get("Invoices/11111111-2222-4333-8444-555555555555")
    limited.http.get(f"{limited.root}/connections")
    state = sandbox.state()
    assert state["calls"] == {"total": 2, "GET /Organisation": 1, "GET /Invoices/{id}": 1}
    assert state["other_calls"] == {"total": 1, "GET /connections": 1}
