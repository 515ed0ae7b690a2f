from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from deployments import cli, connecting
from deployments.sandbox.server import Sandbox
from tasks.connections.connection import Connection
from tests.consent import BY_CONSENT
from tests.deployments.person import UNNAMED, Browser, Run
from tests.support import Connect


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch) -> Any:
    opened = Browser()
    monkeypatch.setattr(connecting.webbrowser, "open", opened.open)
    yield opened
    opened.close()


@pytest.fixture
def run(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command; errors of ours come out as they are. Any free port will do."""
    monkeypatch.setattr(cli, "console", Console(width=300))

    def invoke(*arguments: str, answers: str = "") -> Result:
        extra = ["--port", "0"] if arguments[0] == "connect" else []
        return CliRunner().invoke(cli.app, [*arguments, *extra], input=answers, catch_exceptions=True)

    return invoke


@pytest.fixture
def shop(sandbox: Sandbox, connect: Connect) -> Connection:
    """A connection by consent whose file names no organisation."""
    return connect(BY_CONSENT | UNNAMED)
