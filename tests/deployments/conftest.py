import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from deployments import cli, connecting
from deployments.sandbox.server import Sandbox
from deployments.stack import Stack
from tasks.connections.connection import Connection
from tests.consent import BY_CONSENT
from tests.deployments.person import UNNAMED, Browser, Run
from tests.support import Connect

NewStack = Callable[[Path], Stack]


@pytest.fixture(scope="session")
def new_stack(tmp_path_factory: pytest.TempPathFactory) -> NewStack:
    """A stack in a folder. Its Prefect database is a copy of one without rows: migrations would take six seconds."""
    base = tmp_path_factory.getbasetemp()
    home = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "prefect"
    home.mkdir(exist_ok=True)
    made = home / "made.db"
    with (home / "lock").open("w") as lock:  # one for all processes of a run
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            command = [sys.executable, "-m", "prefect", "server", "database", "upgrade", "--yes"]
            environment = {**os.environ, "PREFECT_HOME": str(home)}
            subprocess.run(command, env=environment, check=True, capture_output=True)
            (home / "prefect.db").rename(made)

    def new(folder: Path) -> Stack:
        (folder / "prefect").mkdir(parents=True)
        shutil.copy(made, folder / "prefect" / "prefect.db")
        return Stack(folder)

    return new


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
