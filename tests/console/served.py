"""A receiver over real HTTP, and what senders send it."""

import asyncio
import base64
import hashlib
import hmac
import json
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI
from sqlalchemy import select
from standardwebhooks import Webhook

from deployments.console.serving import listen, server
from tasks.connections.settings import SANDBOX_FILE
from tasks.ledger.database import Database
from tasks.ledger.schema import events
from tasks.ledger.told import Followed

ROOT = Path(__file__).parents[2]
SANDBOX = SANDBOX_FILE.read_text("utf-8")
TENANT = "5a9d0b0e-0000-4000-8000-000000000001"
KEY = b"sandbox-webhook-key"
SECRET = "whsec_" + base64.b64encode(b"sandbox-webhook-secret-of-monstock").decode()
# What an answer has, and no more.
BARE = {"date", "content-length"}


@dataclass
class Served:
    """A receiver as its senders see it, and its ledger."""

    url: str
    database: Database
    calls: list[Sequence[Followed]] = field(default_factory=list)

    def post(self, path: str, content: Any, headers: Mapping[str, str | bytes]) -> httpx.Response:
        with httpx.Client(trust_env=False, verify=False, timeout=30) as client:
            return client.post(f"{self.url}{path}", content=content, headers=httpx.Headers(dict(headers)))

    def xero(self, *told: Any, key: bytes = KEY) -> httpx.Response:
        """As Xero posts events."""
        raw = xero_body(*told)
        return self.post("/webhooks/xero", raw, {"x-xero-signature": xero_signature(raw, key)})

    def monstock(self, raw: bytes, connection: str = "sandbox", **how: Any) -> httpx.Response:
        """As Monstock posts one."""
        return self.post(f"/webhooks/monstock/{connection}", raw, monstock_headers(raw, **how))

    def kept(self) -> list[tuple[str, str, str, str]]:
        """What the ledger has: connection, side, subject and its id."""
        columns = events.c.connection, events.c.side, events.c.subject, events.c.subject_id
        with self.database.engine.connect() as tx:
            return sorted(tuple(row) for row in tx.execute(select(*columns)))

    def connect(self) -> socket.socket:
        """A bare connection, for what no client would send."""
        host, _, port = self.url.removeprefix("http://").partition(":")
        return socket.create_connection((host, int(port)), timeout=20)


def xero_event(resource: str | None = None, **changes: Any) -> dict[str, Any]:
    return {
        "resourceId": resource or str(uuid.uuid4()),
        "eventDateUtc": "2026-11-30T03:03:52.123",
        "eventType": "UPDATE",
        "eventCategory": "INVOICE",
        "tenantId": TENANT,
    } | changes


def xero_body(*told: Any) -> bytes:
    sequence = {"firstEventSequence": len(told) and 1, "lastEventSequence": len(told), "entropy": "S0m3"}
    return json.dumps({"events": told, **sequence}).encode()


def xero_signature(raw: bytes, key: bytes = KEY) -> str:
    return base64.b64encode(hmac.new(key, raw, hashlib.sha256).digest()).decode()


def monstock_body(order: str = "co-7", type_: str = "customer_order.updated") -> bytes:
    return json.dumps({"type": type_, "timestamp": "2026-11-30T03:03:52Z", "data": {"id": order}}).encode()


def monstock_headers(
    raw: bytes, *, secret: str = SECRET, id_: str = "msg_1", at: float = 0.0
) -> dict[str, str]:
    moment = datetime.fromtimestamp(int(time.time() + at), UTC)
    return {
        "webhook-id": id_,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": Webhook(secret).sign(id_, moment, raw.decode()),
    }


def answer(connection: socket.socket) -> tuple[int, set[str], bytes]:
    """Status, names of headers and what follows them, until the other side closes."""
    received = bytearray()
    while chunk := connection.recv(65536):
        received += chunk
    head, _, rest = bytes(received).partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    return int(first.split()[1]), {line.partition(":")[0] for line in lines}, rest


@contextmanager
def listening(app: FastAPI) -> Iterator[str]:
    """The application on a free port, in a thread."""
    listener = listen("127.0.0.1", 0)
    serving = server(app)
    thread = threading.Thread(target=asyncio.run, args=(serving.serve(sockets=[listener]),), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        serving.should_exit = True
        thread.join()
        listener.close()


@contextmanager
def process(
    folder: Path, module: str = "deployments.console", environment: Mapping[str, str] | None = None
) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A receiver as a process of its own, on a free port; its address is what it says."""
    said = folder / "said"
    command = [sys.executable, "-m", module, "--port", "0"]
    with (
        said.open("wb") as log,
        subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log) as receiver,
    ):

        def address() -> str:
            assert receiver.poll() is None, said.read_text()
            before, _, rest = said.read_text().partition("/webhooks/")
            return before.rpartition(" ")[2] if rest else ""

        try:
            yield receiver, soon(address)
        finally:
            receiver.kill()


def soon(happens: Callable[[], Any]) -> Any:
    """What it returns once that is anything; fails where nothing comes of it."""
    until = time.monotonic() + 20
    while not (found := happens()):
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.01)
    return found
