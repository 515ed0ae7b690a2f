"""What all tests share: a Prefect home of their own, a sandbox over real HTTP, and a connection to it."""

import gc
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

os.environ["PREFECT_HOME"] = tempfile.mkdtemp(prefix="prefect-home-")
os.environ["PREFECT_SERVER_EPHEMERAL_ENABLED"] = "false"
os.environ["PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS"] = "120"  # a busy machine takes its time
os.environ["PREFECT_LOGGING_TO_API_ENABLED"] = "false"
os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] = "false"
os.environ["PREFECT_LOGGING_LEVEL"] = "WARNING"
# Both write behind a run what no test reads: on SQLite the next run then gets a 503, and waits two seconds or more.
for name in ("EVENT_PERSISTER", "TASK_RUN_RECORDER"):
    os.environ[f"PREFECT_SERVER_SERVICES_{name}_ENABLED"] = "false"
# Who serves flows looks each ten seconds for runs that are due; a test would wait for that at each run.
os.environ["PREFECT_RUNNER_POLL_FREQUENCY"] = "1"
# What is due by its schedule would run in the midst of a test.
os.environ["PREFECT_SERVER_SERVICES_SCHEDULER_ENABLED"] = "false"
# A second of each start: blocks are known once somebody saves one.
os.environ["PREFECT_API_BLOCKS_REGISTER_ON_START"] = "false"
os.environ["MONSTOCK_XERO_KEY_FILE"] = str(Path(os.environ["PREFECT_HOME"], "key"))
for name in ("MONSTOCK_XERO_KEY", "MONSTOCK_XERO_CONFIG", "LEDGER_URL", "PREFECT_API_URL"):
    os.environ.pop(name, None)

from hypothesis import settings
from sqlalchemy import Engine, event

from deployments.sandbox.server import Sandbox, running
from tasks.connections.connection import Connection, close_all, open_connection
from tasks.ledger.database import Database
from tests.support import Connect, NewLedger, settings_for

if "CI" not in os.environ:  # there, hypothesis has a profile of its own
    settings.register_profile("busy", deadline=None)
    settings.load_profile("busy")


# What takes longest begins first, so that at the end no process is left alone with it.
LONG = [
    "deployments/test_workers",
    "deployments/test_backfilling",
    "deployments/test_demo",
    "deployments/test_ui",
    "flows/test_",
    "deployments/",
    "real/test_",
    "exporting/test_any_",
    "xero/test_many_processes",
    "exporting/test_crossed",
    "ledger/test_governor",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long tests first. What is imported by now stays: to look through it for rubbish takes a tenth of the time."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    items.sort(key=lambda item: next((at for at, name in enumerate(LONG) if name in item.nodeid), len(LONG)))


class ByKind(dict[Any, Any]):
    """Statements compiled for one engine, for all of its kind; each engine would keep its own."""

    def get(self, key: Any, default: Any = None) -> Any:
        return super().get((type(key[0]), *key[1:]), default)

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__((type(key[0]), *key[1:]), value)


@pytest.fixture(scope="session", autouse=True)
def compiled() -> Iterator[None]:
    """What SQLAlchemy compiled. Each test opens engines of its own, and to compile takes longer than most tests."""
    cache = ByKind()

    def share(connection: Any) -> None:
        connection.execution_options(compiled_cache=cache)

    event.listen(Engine, "engine_connect", share)
    yield
    event.remove(Engine, "engine_connect", share)


@pytest.fixture(scope="session")
def both() -> Iterator[Sandbox]:
    """One pair of systems for many tests."""
    with running() as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def at_first(both: Sandbox) -> dict[str, Any]:
    """The settings of each."""
    return {on: both.control("GET", "/settings", on=on) for on in ("xero", "monstock")}


@pytest.fixture
def sandbox(both: Sandbox, at_first: dict[str, Any]) -> Sandbox:
    """Both as on the first day: empty, without limits, in real time."""
    for on, was in at_first.items():
        both.control("PUT", "/settings", was, on=on)
    both.control("POST", "/clock", {"real": True})
    for on in at_first:
        both.unsubscribe(on)
    both.reset()
    return both


@pytest.fixture(scope="session")
def new_ledger(tmp_path_factory: pytest.TempPathFactory) -> NewLedger:
    """Makes a file into a ledger without rows, as a copy of one: its migrations would take a tenth of a second."""
    made = tmp_path_factory.mktemp("ledger") / "ledger.db"
    Database(f"sqlite:///{made}").close()

    def new(path: Path) -> str:
        shutil.copyfile(made, path)
        return f"sqlite:///{path}"

    return new


@pytest.fixture
def connect(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, new_ledger: NewLedger
) -> Iterator[Connect]:
    """Opens the sandbox connection on a fresh ledger; `replace` edits its settings text first.

    `free` says that no call limits are kept.
    """
    new = new_ledger(tmp_path / "ledger.db")

    def opened(
        replace: dict[str, str] | None = None, ledger: str | None = None, *, free: bool = True
    ) -> Connection:
        text = settings_for(sandbox, replace, free=free)
        (tmp_path / "connections.toml").write_text(text)
        monkeypatch.setenv("MONSTOCK_XERO_CONFIG", str(tmp_path / "connections.toml"))
        monkeypatch.setenv("LEDGER_URL", ledger or new)
        return open_connection("sandbox")

    yield opened
    close_all()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--screenshots", metavar="FOLDER", help="save pictures of the Prefect UI there")
