"""Opening the ledger: its schema, its age, two at once, and what is never shown."""

import sys
from contextlib import ExitStack, closing, nullcontext
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from tasks.domain.errors import LedgerError, OtherSchema
from tasks.ledger import migrating
from tasks.ledger.database import Database
from tasks.ledger.schema import metadata
from tests.ledger.older import EARLIER

OURS = migrating.revisions()[-1]
ROOT = Path(__file__).parents[2]
PIPES: dict[str, Any] = {"stdin": PIPE, "stdout": PIPE, "stderr": PIPE}


def test_the_migrations_make_exactly_the_tables_that_the_code_knows(database: Database) -> None:
    with database.engine.connect() as tx:
        context = MigrationContext.configure(tx, opts={"compare_type": True, "target_metadata": metadata})
        assert compare_metadata(context, metadata) == []


def test_a_ledger_of_another_version_is_refused_with_both_versions(empty_url: str) -> None:
    database = Database(empty_url)
    with database.begin() as tx:
        tx.exec_driver_sql("update alembic_version set version_num = '9999'")
    database.close()
    with pytest.raises(LedgerError, match=rf"has schema 9999, this version of monstock-xero needs {OURS}\."):
        Database(empty_url)


def test_a_ledger_that_another_version_upgrades_is_written_no_more_by_who_has_it_open(empty_url: str) -> None:
    with closing(Database(empty_url)) as database, closing(Database(empty_url, as_it_is=True)) as other:
        with other.begin() as tx:
            tx.exec_driver_sql("update alembic_version set version_num = '9999'")
        for use in (database.begin, database.begin_passing, lambda: nullcontext(database.require_ours())):
            with pytest.raises(OtherSchema, match=r"has schema 9999, .* A newer version has made it"), use():
                pytest.fail("it was let in")
        with other.begin() as tx:
            tx.exec_driver_sql(f"update alembic_version set version_num = '{EARLIER[-1]}'")
        with pytest.raises(OtherSchema, match="Run `monstock-xero upgrade`"), database.begin():
            pytest.fail("it was let in")


def test_what_a_process_takes_for_ours_is_not_read_from_files_that_may_be_another_versions(
    empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrating, "MIGRATIONS", Path("/nowhere"))
    assert migrating.revisions() == [*EARLIER, OURS]


def test_processes_that_open_a_fresh_ledger_at_once_all_find_it_ready(empty_url: str) -> None:
    script = (
        "import sys; from tasks.ledger.database import Database; print(flush=True); sys.stdin.read();"
        "Database(sys.argv[1]).close()"
    )
    with ExitStack() as racers:
        started = [
            racers.enter_context(Popen([sys.executable, "-c", script, empty_url], cwd=ROOT, **PIPES))
            for _ in range(4)
        ]
        for racer in started:
            racer.stdout.readline()
        for racer in started:
            racer.stdin.close()
        assert [(racer.stderr.read(), racer.wait()) for racer in started] == [(b"", 0)] * 4


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ledger:hunter2@127.0.0.1:1/books",
        "postgresql+psycopg://ledger:hunter2@127.0.0.1:1/books",
        "nosuchthing://ledger:hunter2@127.0.0.1:1/books",
        "postgresql://ledger:hunter2@127.0.0.1:port/books",
    ],
)
def test_the_password_is_never_shown_when_the_ledger_cannot_be_opened(url: str) -> None:
    with pytest.raises(LedgerError) as caught:
        Database(url)
    assert "hunter2" not in f"{caught.value!r} {caught.value.__cause__!r}"


def test_the_address_that_people_see_hides_the_password(tmp_path: Path) -> None:
    opened = Database(f"sqlite:///{tmp_path / 'ledger.db'}")
    opened.engine.url = opened.engine.url.set(username="ledger", password="hunter2")
    assert "hunter2" not in opened.address
    opened.close()
