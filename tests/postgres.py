"""A real Postgres for the tests: the one at TEST_POSTGRES_URL, else one of this machine's own, started for them."""

import os
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import URL, create_engine, make_url
from sqlalchemy.exc import OperationalError

BINARIES = Path("/usr/lib/postgresql")
USER = "postgres"
STARTS_WITHIN = 30.0


class NoPostgres(Exception):
    """There is neither a server nor the means to start one; the text says so."""


@pytest.fixture(scope="session")
def postgres() -> Iterator[URL]:
    """The server; skips where there is none, except in CI."""
    try:
        with server() as url:
            yield url
    except NoPostgres as reason:
        pytest.fail(str(reason)) if os.environ.get("CI") else pytest.skip(str(reason))


@contextmanager
def server() -> Iterator[URL]:
    """The server that is given, or one that runs as long as the block. Raises `NoPostgres`."""
    given = os.environ.get("TEST_POSTGRES_URL")
    if given:
        yield make_url(given)
        return
    with own_server() as url:
        yield url


@contextmanager
def own_server() -> Iterator[URL]:
    """One of this machine's own, from the newest binaries there are. Raises `NoPostgres`."""
    with _running(_binaries()) as url:
        yield url


@contextmanager
def fresh_database(server: URL) -> Iterator[str]:
    """A new database on the server, dropped at the end."""
    name = f"ledger_{uuid.uuid4().hex[:12]}"
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as tx:
        tx.exec_driver_sql(f"create database {name}")
    try:
        yield server.set(database=name).render_as_string(hide_password=False)
    finally:
        with engine.connect() as tx:
            tx.exec_driver_sql(f"drop database {name} with (force)")
        engine.dispose()


def _binaries() -> Path:
    found = sorted(BINARIES.glob("*/bin"), key=lambda path: int(path.parent.name))
    if not found:
        raise NoPostgres(f"TEST_POSTGRES_URL is not set, and {BINARIES} has no Postgres")
    return found[-1]


@contextmanager
def _running(binaries: Path) -> Iterator[URL]:
    with tempfile.TemporaryDirectory(prefix="postgres-") as folder:
        data, port = Path(folder) / "data", free_port()
        as_user: list[str] = []
        if os.geteuid() == 0:  # initdb and postgres refuse root
            as_user = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--init-groups"]
            subprocess.run(["chown", USER, folder], check=True)
        init = [f"{binaries}/initdb", "-D", str(data), "-U", USER, "-A", "trust", "-E", "UTF8", "--no-sync"]
        subprocess.run([*as_user, *init], check=True, capture_output=True)
        options = [f"-p{port}", f"-k{folder}", "-cfsync=off", "-clisten_addresses=127.0.0.1"]
        log = (Path(folder) / "log").open("w")
        server = subprocess.Popen([*as_user, f"{binaries}/postgres", "-D", str(data), *options], stderr=log)
        try:
            url = URL.create("postgresql+psycopg", USER, "", "127.0.0.1", port, "postgres")
            _await(url)
            yield url
        finally:
            server.terminate()
            server.wait(timeout=30)
            log.close()


def free_port() -> int:
    """A port of loopback that nobody has."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await(url: URL) -> None:
    engine = create_engine(url)
    end = time.monotonic() + STARTS_WITHIN
    while True:
        try:
            engine.connect().close()
            break
        except OperationalError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)
    engine.dispose()
