"""Ledgers of every earlier version come to this one's schema, and back."""

import hashlib
import sqlite3
from contextlib import closing
from pathlib import Path
from threading import Barrier, Thread

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect

from tasks.domain.errors import LedgerError, OtherSchema
from tasks.ledger import backups, dumps, migrating
from tasks.ledger.database import Database
from tasks.ledger.schema import metadata
from tasks.ledger.upgrading import Upgraded, upgrade
from tests.ledger.older import EARLIER, kept, older, rows

OURS = migrating.revisions()[-1]
DIGEST = hashlib.sha256(b"7\n7\n7\n7\n7").hexdigest()[:16]  # by which the one discrepancy is known since 0008


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where backups of a ledger on a server go."""
    monkeypatch.chdir(tmp_path)


def opened(url: str) -> Database:
    return Database(url, as_it_is=True)


def tables(database: Database) -> dict[str, object]:
    """Columns, keys and indexes, in any order."""
    look = inspect(database.engine)
    return {
        name: (
            sorted(
                (c["name"], str(c["type"]), c["nullable"], str(c["default"])) for c in look.get_columns(name)
            ),
            look.get_pk_constraint(name)["constrained_columns"],
            sorted((str(i["name"]), tuple(i["column_names"]), i["unique"]) for i in look.get_indexes(name)),
            sorted(tuple(u["column_names"]) for u in look.get_unique_constraints(name)),
        )
        for name in look.get_table_names()
    }


@pytest.mark.parametrize("revision", EARLIER)
def test_every_earlier_ledger_becomes_what_a_fresh_one_is_and_keeps_its_rows(
    empty_url: str, tmp_path: Path, revision: str
) -> None:
    before = older(empty_url, revision)
    with pytest.raises(
        OtherSchema, match=rf"has schema {revision}, .* needs {OURS}\. Run `monstock-xero upgrade`"
    ):
        Database(empty_url)
    database, copy = opened(empty_url), tmp_path / "before.bak"
    assert upgrade(database, lambda: backups.back_up(database, copy)) == (revision, OURS)
    after = rows(database)
    renamed = [{**row, "id": DIGEST} for row in before.get("discrepancies", [])]
    known = before | {"discrepancies": renamed} if renamed else before
    assert [name for name in known if not kept(known[name], after[name])] == []
    with database.engine.connect() as tx:
        context = MigrationContext.configure(tx, opts={"compare_type": True, "target_metadata": metadata})
        assert compare_metadata(context, metadata) == []
    if database.engine.dialect.name == "sqlite":
        fresh = Database(f"sqlite:///{tmp_path / 'fresh.db'}")
        assert tables(database) == tables(fresh)
        fresh.close()
    Database(empty_url).close()
    backups.restore(database, copy, overwrite=True)
    assert (database.schema(), rows(database)) == (revision, before)
    assert upgrade(database, lambda: None) == (revision, OURS)
    database.close()


def test_where_there_is_nothing_to_do_nothing_is_done(empty_url: str) -> None:
    Database(empty_url).close()
    database = opened(empty_url)
    assert upgrade(database, lambda: pytest.fail("backed up for nothing")) == (OURS, OURS)
    database.close()


def test_a_newer_ledger_is_left_alone(empty_url: str, tmp_path: Path) -> None:
    database = Database(empty_url)
    with database.begin() as tx:
        tx.exec_driver_sql("update alembic_version set version_num = '9999'")
    with pytest.raises(OtherSchema, match=r"has schema 9999, .* A newer version has made it"):
        upgrade(database, lambda: pytest.fail("backed up for nothing"))
    with pytest.raises(OtherSchema, match="A newer version has made it"):
        backups.back_up(database, tmp_path / "no.bak")
    database.close()


def test_an_upgrade_that_fails_in_the_middle_leaves_the_ledger_as_it_was(
    empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = older(empty_url, EARLIER[1])
    database = opened(empty_url)
    shape = tables(database)
    with database.begin() as tx:  # in the way of what a later migration makes
        tx.exec_driver_sql("create index ix_documents_connection_contact_id_date on documents (connection)")
    with pytest.raises(LedgerError, match="is as it was"):
        upgrade(database, lambda: None)
    with database.begin() as tx:
        tx.exec_driver_sql("drop index ix_documents_connection_contact_id_date")
    assert (database.schema(), rows(database), tables(database)) == (EARLIER[1], before, shape)
    database.close()


def test_without_a_backup_there_is_no_upgrade(empty_url: str, tmp_path: Path) -> None:
    older(empty_url, EARLIER[-1])
    database, taken = opened(empty_url), tmp_path / "taken.bak"
    taken.write_text("something else")
    with pytest.raises(LedgerError, match="is there already"):
        upgrade(database, lambda: backups.back_up(database, taken))
    assert (database.schema(), taken.read_text()) == (EARLIER[-1], "something else")
    database.close()


def test_of_two_upgrades_at_once_one_does_the_work(empty_url: str) -> None:
    older(empty_url, EARLIER[0])
    start, done, backed_up = Barrier(2), [], []

    def work() -> None:
        database = opened(empty_url)
        start.wait()
        done.append(upgrade(database, lambda: backed_up.append(1)))
        database.close()

    racers = [Thread(target=work) for _ in range(2)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    assert sorted(done) == [Upgraded(EARLIER[0], OURS), Upgraded(OURS, OURS)]
    assert len(backed_up) == 1


def test_nobody_writes_between_the_backup_and_the_migration(empty_url: str) -> None:
    older(empty_url, EARLIER[-1])
    database, other = opened(empty_url), opened(empty_url)
    wrote: list[str] = []

    def write() -> None:
        with other.begin() as tx:
            tx.exec_driver_sql("update orders set reference = 'after'")
        wrote.append(other.schema() or "")

    writer = Thread(target=write)

    def while_backing_up() -> None:
        writer.start()
        writer.join(0.5)
        assert writer.is_alive()

    upgrade(database, while_backing_up)
    writer.join()
    assert wrote == [OURS]
    database.close()
    other.close()


def test_a_backup_is_whole_private_and_says_no_password(empty_url: str, tmp_path: Path) -> None:
    before = older(empty_url, EARLIER[-1])
    database, copy = opened(empty_url), tmp_path / "a b.bak"
    backups.back_up(database, copy)
    assert copy.stat().st_mode & 0o077 == 0
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".partial"] == []
    with database.begin() as tx:
        tx.exec_driver_sql("delete from orders")
    with pytest.raises(LedgerError, match=r"There is a ledger at .* already"):
        backups.restore(database, copy)
    replaced = backups.restore(database, copy, overwrite=True)
    assert rows(database) == before
    assert replaced is not None
    backups.restore(database, replaced, overwrite=True)
    assert rows(database)["orders"] == []
    database.close()


@pytest.mark.parametrize("content", [b"", b"no ledger", b"SQLite format 3\0" + b"\0" * 100])
def test_what_is_no_backup_is_not_restored(empty_url: str, tmp_path: Path, content: bytes) -> None:
    before = older(empty_url, EARLIER[-1])
    database, file = opened(empty_url), tmp_path / "file"
    file.write_bytes(content)
    with pytest.raises(LedgerError):
        backups.restore(database, file, overwrite=True)
    with pytest.raises(LedgerError, match="There is no file"):
        backups.restore(database, tmp_path / "nowhere")
    assert rows(database) == before
    database.close()


def test_a_damaged_backup_is_not_restored(empty_url: str, tmp_path: Path) -> None:
    before = older(empty_url, EARLIER[-1])
    database, copy = opened(empty_url), tmp_path / "copy.bak"
    backups.back_up(database, copy)
    whole = copy.read_bytes()
    copy.write_bytes(whole[: len(whole) * 2 // 3])
    with pytest.raises(LedgerError):
        backups.restore(database, copy, overwrite=True)
    assert rows(database) == before
    database.close()


def test_a_ledger_in_use_is_not_waited_for_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = Database(f"sqlite:///{tmp_path / 'ledger.db'}")
    backups.back_up(database, copy := tmp_path / "copy.bak")
    monkeypatch.setattr("tasks.ledger.sqlite_copies.BUSY_SECONDS", 0.3)
    with closing(sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)) as other:
        other.execute("begin immediate")
        with pytest.raises(LedgerError, match=r"is in use|is locked"):
            backups.restore(database, copy, overwrite=True)
    database.close()


def test_where_the_programs_of_postgres_are_missing_a_sentence_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LedgerError, match=r"pg_restore is not installed here.*--no-backup"):
        dumps.Dumps.schema_of(tmp_path)


def test_the_password_of_postgres_is_no_argument(monkeypatch: pytest.MonkeyPatch) -> None:
    database = opened("postgresql://ada:hunter2@books.example:5433/ledger?sslmode=require&password=hunter3")
    assert dumps._address(database) == "--dbname=postgresql://ada@books.example:5433/ledger?sslmode=require"
    env = dumps._env(database)
    assert env is not None
    assert env["PGPASSWORD"] == "hunter2"
