from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from deployments.console import watching
from deployments.console.serving import receiving
from tasks.ledger.database import Database
from tests.console.served import SANDBOX, Served, listening
from tests.support import NewLedger


@pytest.fixture
def settings_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The settings in use: the sandbox's, to be edited."""
    file = tmp_path / "connections.toml"
    file.write_text(SANDBOX)
    monkeypatch.setenv("MONSTOCK_XERO_CONFIG", str(file))
    return file


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, new_ledger: NewLedger) -> Iterator[Database]:
    url = new_ledger(tmp_path / "ledger.db")
    monkeypatch.setenv("LEDGER_URL", url)
    with closing(Database(url)) as database:
        yield database


@pytest.fixture
def served(settings_file: Path, ledger: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """A receiver that looks after its settings often."""
    monkeypatch.setattr(watching, "LOOK_SECONDS", 0.05)
    receiver = Served("", ledger)
    with receiving(receiver.calls.append) as app, listening(app) as receiver.url:
        yield receiver
