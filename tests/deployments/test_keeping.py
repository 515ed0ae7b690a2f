"""`monstock-xero upgrade`, `backup` and `restore`: what they say and leave behind."""

from pathlib import Path

import pytest

from deployments import keeping
from tasks.domain.errors import LedgerError, OtherSchema
from tasks.ledger.database import Database
from tests.deployments.person import Run, failed
from tests.ledger.older import EARLIER, older
from tests.ledger.test_upgrading import OURS


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LEDGER_URL", f"sqlite:///{tmp_path / 'ledger.db'}")
    monkeypatch.setattr(keeping.console, "width", 300)
    return tmp_path / "ledger.db"


def url(ledger: Path) -> str:
    return f"sqlite:///{ledger}"


def test_an_upgrade_says_from_where_to_where_and_how_to_go_back(run: Run, ledger: Path) -> None:
    older(url(ledger), EARLIER[-1])
    said = run("upgrade")
    assert said.exit_code == 0, said.output
    [copy] = ledger.parent.glob(f"ledger.db.{EARLIER[-1]}-*.bak")
    assert f"is upgraded from schema {EARLIER[-1]} to {OURS}." in said.output
    assert f"`monstock-xero restore --overwrite {copy}`" in said.output
    Database(url(ledger)).close()
    assert f"has schema {OURS} already; there is nothing to do." in run("upgrade").output
    assert len(list(ledger.parent.glob("*.bak"))) == 1
    assert f"with schema {EARLIER[-1]}." in run("restore", str(copy), "--overwrite").output
    with pytest.raises(OtherSchema):
        Database(url(ledger))


def test_a_named_backup_or_none(run: Run, ledger: Path) -> None:
    older(url(ledger), EARLIER[0])
    assert run("upgrade", "--backup", "x", "--no-backup").exit_code == 2
    assert "To go back" not in run("upgrade", "--no-backup").output
    assert list(ledger.parent.glob("*.bak")) == []
    assert run("backup", str(ledger.parent / "named")).exit_code == 0
    assert (ledger.parent / "named").exists()


def test_where_there_is_no_ledger_one_is_made_by_upgrade_and_restore_but_not_by_backup(
    run: Run, ledger: Path
) -> None:
    assert "There is no ledger" in failed(run("backup"), LedgerError)
    assert "There was no ledger" in run("upgrade").output
    copy = ledger.parent / "copy"
    run("backup", str(copy))
    assert "say --overwrite" in failed(run("restore", str(copy)), LedgerError)
    for file in ledger.parent.glob("ledger.db*"):
        file.unlink()
    assert run("restore", str(copy)).exit_code == 0
    Database(url(ledger)).close()
