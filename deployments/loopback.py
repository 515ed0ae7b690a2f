"""Takes the one answer that a browser brings back from a consent page."""

from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Empty, SimpleQueue
from threading import Thread
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from tasks.domain.errors import MonstockXeroError

# Unless another one is given; the app on Xero's developer site must name it.
PORT = 8403
PATH = "/callback"
_PAGE = (
    b"<!doctype html><html lang=en><meta charset=utf-8><title>monstock-xero</title>"
    b"<p>Back to the terminal, please: it says what came of this. You can close this window.</p></html>"
)


class PortTaken(MonstockXeroError):
    """Another program listens there."""


class Loopback:
    """Listens on this machine alone while the block runs. Browsers open idle connections: each has its thread."""

    def __init__(self, port: int) -> None:
        self._answers: SimpleQueue[str] = SimpleQueue()
        try:
            self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(self._answers.put))
        except OSError:
            raise PortTaken(
                f"Port {port} is taken. Give another one with --port, and add its http://localhost:PORT{PATH} "
                "to the redirect addresses of the app on Xero's developer site."
            ) from None

    @property
    def address(self) -> str:
        """Where the answer is awaited. Xero takes the name, but not the number, of this machine."""
        return f"http://localhost:{self._server.server_address[1]}{PATH}"

    def answer(self, seconds: float) -> str | None:
        """The address that the browser came back to, or None if it did not in that time."""
        try:
            return self._answers.get(timeout=seconds)
        except Empty:
            return None

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, args=(0.05,), daemon=True, name="loopback").start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


def _handler(came: Callable[[str], None]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 30

        def do_GET(self) -> None:
            found = urlsplit(self.path).path == PATH
            self.send_response(HTTPStatus.OK if found else HTTPStatus.NOT_FOUND)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(_PAGE) if found else 0))
            self.send_header("Cache-Control", "no-store")
            self.send_header("Referrer-Policy", "no-referrer")
            self.end_headers()
            if found:
                self.wfile.write(_PAGE)
                came(self.path)

        def log_message(self, *_: Any) -> None:
            """Nothing: the address holds the consent's code."""

    return Handler
