"""The receiver as a process of its own that is ended in the middle: what it answered with 2xx is in the ledger."""

import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import uuid
from contextlib import closing, suppress
from pathlib import Path

import pytest

from tasks.ledger.database import Database
from tests.console.served import ROOT, Served, process, soon, xero_body, xero_event, xero_signature

ENOUGH = 300


def request(document: str) -> bytes:
    raw = xero_body(xero_event(document))
    head = f"POST /webhooks/xero HTTP/1.1\r\nhost: x\r\ncontent-length: {len(raw)}\r\n"
    return f"{head}x-xero-signature: {xero_signature(raw)}\r\n\r\n".encode() + raw


def stream(served: Served, answered: list[str]) -> None:
    """One event after the other, until nobody answers."""
    with suppress(OSError), served.connect() as connection:
        while True:
            document = str(uuid.uuid4())
            connection.sendall(request(document))
            if not connection.recv(65536).startswith(b"HTTP/1.1 200"):
                return
            answered.append(document)


@pytest.mark.parametrize(("how", "code"), [(signal.SIGKILL, -9), (signal.SIGTERM, 0)])
def test_what_was_answered_is_in_the_ledger(
    how: signal.Signals, code: int, settings_file: Path, ledger: Database, tmp_path: Path
) -> None:
    answered: list[str] = []
    with process(tmp_path) as (receiver, url):
        served = Served(url, ledger)
        senders = [threading.Thread(target=stream, args=(served, answered)) for _ in range(8)]
        for sender in senders:
            sender.start()
        soon(lambda: len(answered) > ENOUGH)
        receiver.send_signal(how)
        assert receiver.wait(20) == code
        for sender in senders:
            sender.join(20)
        kept = {id_ for *_, id_ in served.kept()}
    assert len(set(answered)) > ENOUGH
    assert set(answered) - kept == set()


def test_what_is_in_hand_at_the_end_is_finished(
    settings_file: Path, ledger: Database, tmp_path: Path
) -> None:
    document = str(uuid.uuid4())
    file = ledger.engine.url.database
    assert file is not None
    with process(tmp_path) as (receiver, url), closing(sqlite3.connect(file)) as other:
        served = Served(url, ledger)
        other.isolation_level = None
        other.execute("BEGIN IMMEDIATE")
        with served.connect() as waits, served.connect() as asks:
            waits.sendall(request(document))
            asks.sendall(b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n")
            assert asks.recv(65536).startswith(b"HTTP/1.1 200")
            receiver.terminate()
            soon(lambda: not listens(served))
            other.execute("ROLLBACK")
            assert waits.recv(65536).startswith(b"HTTP/1.1 200")
        assert receiver.wait(20) == 0
        assert [id_ for *_, id_ in served.kept()] == [document]


def test_a_prefect_server_that_does_not_answer_does_not_hold_up_the_end(
    settings_file: Path, ledger: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("PREFECT_API_URL", f"http://127.0.0.1:{silent.getsockname()[1]}/api")
        with process(tmp_path) as (receiver, url):
            assert Served(url, ledger).xero(xero_event()).status_code == 200
            silent.settimeout(20)
            asked, _ = silent.accept()
            with asked:
                receiver.terminate()
                assert receiver.wait(20) == 0


def listens(served: Served) -> bool:
    time.sleep(0.02)
    try:
        served.connect().close()
    except ConnectionError:
        return False
    return True


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("SANDBOX_XERO_WEBHOOK_KEY", "UNSET"), b"webhook_key: environment variable UNSET is not set.\n"),
        (('prefix = "MS-"', "prefx = 1"), b"prefx: is not a setting; check its spelling and its table.\n"),
    ],
)
def test_a_mistake_ends_it_at_the_start_with_a_sentence(
    change: tuple[str, str], said: bytes, settings_file: Path, ledger: Database
) -> None:
    settings_file.write_text(settings_file.read_text().replace(*change))
    done = subprocess.run(
        [sys.executable, "-m", "deployments.console", "--port", "0"],
        cwd=ROOT,
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.count(b"\n") == 1
    assert done.stderr.endswith(said)


def test_a_port_that_is_taken_is_named(settings_file: Path, ledger: Database) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        done = subprocess.run(
            [sys.executable, "-m", "deployments.cli", "receive", "--port", port],
            cwd=ROOT,
            capture_output=True,
            timeout=120,
            check=False,
        )
    assert done.returncode == 1
    assert f"Nothing can listen at 127.0.0.1, port {port}: Address already in use.".encode() in done.stderr
