"""Copies of a ledger on Postgres, by pg_dump, pg_restore and psql: of our tables, whatever else is beside them."""

import os
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import URL

from tasks.domain.errors import LedgerError
from tasks.ledger.database import Database
from tasks.ledger.migrating import VERSIONS, tables


class Dumps:
    """What `backups` asks of a database, for Postgres."""

    @staticmethod
    def copy(database: Database, to: Path) -> None:
        """Dump the ledger into an empty file, and read it whole there."""
        with database.engine.connect() as tx:
            ours = [f"--table={name}" for name in tables(tx)]
        _run(database, "pg_dump", "--format=custom", *_PLAIN, *ours, f"--file={to}", _address(database))
        _run(database, "pg_restore", f"--file={os.devnull}", str(to))

    @staticmethod
    def schema_of(source: Path) -> str:
        """The schema of the ledger in a dump. Raises `LedgerError` where it is none, or damaged."""
        _run(None, "pg_restore", f"--file={os.devnull}", str(source))
        said = _run(None, "pg_restore", "--data-only", f"--table={VERSIONS}", "--file=-", str(source))
        rows = said.partition(" FROM stdin;\n")[2].splitlines()
        if not rows or rows[0] == r"\.":
            raise LedgerError(f"{source} is no backup of a ledger: it does not say which schema it has.")
        return rows[0]

    @staticmethod
    def put_back(database: Database, source: Path) -> None:
        """Put the dump in the place of our tables, in one transaction."""
        with database.engine.connect() as tx:
            gone = [f"--command=drop table {name} cascade" for name in tables(tx)]
        with TemporaryDirectory(prefix="monstock-xero-") as folder:
            script = f"{folder}/ledger.sql"
            _run(None, "pg_restore", *_PLAIN, f"--file={script}", str(source))
            quietly = ["--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1"]
            _run(database, "psql", *quietly, *gone, f"--file={script}", _address(database))


_PLAIN = ("--no-owner", "--no-privileges")


def _run(database: Database | None, name: str, *options: str) -> str:
    command = [_program(name), *options]
    done = subprocess.run(command, env=_env(database), capture_output=True, text=True, check=False)  # noqa: S603 - ours
    if done.returncode:
        raise LedgerError(f"{name} ended with {done.returncode}: {_last(done.stderr)}.")
    return done.stdout


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise LedgerError(
            f"{name} is not installed here. Install Postgres' client programs; or copy the ledger by means of your "
            "own, and then upgrade with --no-backup."
        )
    return found


def _address(database: Database) -> str:
    """For libpq, without the password: every user of this machine may see a command's arguments."""
    url = database.engine.url
    query = {name: value for name, value in url.query.items() if name != "password"}
    address = URL.create("postgresql", url.username, None, url.host, url.port, url.database, query)
    return f"--dbname={address.render_as_string(hide_password=False)}"


def _env(database: Database | None) -> dict[str, str] | None:
    url = database.engine.url if database else None
    password = url and (url.password or url.query.get("password"))
    return {**os.environ, "PGPASSWORD": str(password)} if password else None


def _last(said: str) -> str:
    return (said.strip().splitlines() or ["it does not say why"])[-1].rstrip(".")
