"""Who receives webhooks in tests: a server over real HTTP that records what comes, and answers as it is told."""

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "the key that Xero gave"
SECRET = "whsec_" + base64.b64encode(b"a secret of Monstock's, all ours").decode()


@dataclass
class Delivery:
    """One POST."""

    headers: dict[str, str]
    body: bytes
    connection: int

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def right(self) -> bool:
        """Signed as by Xero."""
        signature = base64.b64encode(hmac.digest(KEY.encode(), self.body, hashlib.sha256)).decode()
        return self.headers.get("x-xero-signature") == signature


#: What a receiver does with a delivery: a status, headers, a body.
Answer = tuple[int, dict[str, str], bytes]


def good(delivery: Delivery) -> Answer:
    """As Xero wants it; Monstock, which greets nobody, gets its 2xx as well."""
    monstock = "webhook-id" in delivery.headers
    return (204 if monstock else 200 if delivery.right else 401), {}, b""


def always(status: int) -> Callable[[Delivery], Answer]:
    return lambda delivery: (status, {}, b"")


@dataclass
class Receiver:
    """`answers` may be changed at any time."""

    url: str = ""
    answers: Callable[[Delivery], Answer] = good
    chunked: bool = False
    deliveries: list[Delivery] = field(default_factory=list)

    def events(self) -> list[dict[str, Any]]:
        """All events of Xero's deliveries, in order."""
        return [event for one in self.deliveries for event in one.json.get("events", [])]

    def changes(self) -> list[tuple[str, str]]:
        """Type and order of Monstock's deliveries, in order."""
        return [(one.json["type"], one.json["data"]["id"]) for one in self.deliveries]


def until(holds: Callable[[], Any]) -> None:
    """Wait for something that is under way; a minute at most."""
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.01)


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver on a free port, until the block ends."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            delivery = Delivery(headers, body, self.client_address[1])
            receiver.deliveries.append(delivery)
            status, more, answer = receiver.answers(delivery)
            self.send_response(status)
            for name, value in more.items():
                self.send_header(name, value)
            if receiver.chunked:
                self.send_header("transfer-encoding", "chunked")
                answer = b"5;x=y\r\nfirst\r\n6\r\nsecond\r\n0\r\ntrailer: x\r\n\r\n"
            else:
                self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
