from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from deployments.sandbox.server import Sandbox, running
from tests.sandbox.api import Api
from tests.sandbox.judge import Judge


@pytest.fixture(scope="session")
def both() -> Iterator[Sandbox]:
    with running() as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def at_first(both: Sandbox) -> dict[str, Any]:
    return {on: both.control("GET", "/settings", on=on) for on in ("xero", "monstock")}


@pytest.fixture
def sandbox(both: Sandbox, at_first: dict[str, Any]) -> Sandbox:
    """Both stand-ins as on the first day, limits off, in real time."""
    for on, settings in at_first.items():
        both.control("PUT", "/settings", settings, on=on)
    both.control("POST", "/clock", {"real": True})
    both.reset()
    return both


@pytest.fixture
def api(sandbox: Sandbox) -> Iterator[Api]:
    api = Api(sandbox)
    yield api
    api.http.close()
    api.judge.verdict()


@pytest.fixture
def monstock(sandbox: Sandbox) -> Iterator[httpx.Client]:
    judge = Judge.monstock()
    client = httpx.Client(
        base_url=sandbox.monstock_url, event_hooks=judge.hooks(), timeout=20, trust_env=False, verify=False
    )
    client.headers["authorization"] = "Bearer sandbox-key"
    with client:
        yield client
    judge.verdict()
