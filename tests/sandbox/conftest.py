from collections.abc import Iterator

import httpx
import pytest

from deployments.sandbox.server import Sandbox
from tests.sandbox.api import Api
from tests.sandbox.judge import Judge
from tests.sandbox.receiver import Receiver, receiving


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


@pytest.fixture
def receiver(sandbox: Sandbox) -> Iterator[Receiver]:
    """A receiver; whoever is subscribed at the end is not any more."""
    with receiving() as receiver:
        yield receiver
        for on in ("xero", "monstock"):
            sandbox.unsubscribe(on)
