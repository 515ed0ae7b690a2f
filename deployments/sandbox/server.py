"""Both stand-ins in one process: in the foreground for people, in a thread for tests."""

import asyncio
import signal
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from deployments.sandbox import seed as demo
from deployments.sandbox.clock import Clock
from deployments.sandbox.codec import Json, encode
from deployments.sandbox.monstock import Monstock
from deployments.sandbox.web import asgi
from deployments.sandbox.xero import Xero

CHUNK = 1_000


class Pair:
    """The two systems, opened on a state folder or in memory, on one clock."""

    def __init__(self, state_dir: Path | None, *, seed: bool, limits: bool) -> None:
        if state_dir is not None:
            state_dir.mkdir(parents=True, exist_ok=True)
        self.clock = Clock()
        self.monstock = Monstock(state_dir and state_dir / "monstock.sqlite", self.clock, limits)
        self.xero = Xero(state_dir and state_dir / "xero.sqlite", self.clock, limits)
        new = [system.prepare() for system in (self.monstock, self.xero)]
        if seed and all(new):
            demo.plant(self.monstock, self.xero)

    def resume(self) -> None:
        """Deliver what there is to deliver; needs the server's loop."""
        self.monstock.webhook.resume()
        self.xero.webhook.resume()

    def close(self) -> None:
        """Close both stores."""
        self.monstock.store.close()
        self.xero.store.close()


class _Server(uvicorn.Server):
    """A uvicorn that leaves signals to us: there are two of them in this process."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _servers(pair: Pair, sockets: list[socket.socket]) -> list[tuple[_Server, socket.socket]]:
    servers = []
    for system, listener in zip((pair.monstock, pair.xero), sockets, strict=True):
        system.address = "http://{}:{}".format(*listener.getsockname())
        config = uvicorn.Config(
            asgi(system.handle, pair.clock),
            http="h11",
            ws="none",
            lifespan="off",
            interface="asgi3",
            access_log=False,
            log_config=None,
            server_header=False,
            date_header=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=1,
        )
        servers.append((_Server(config), listener))
    return servers


async def _serve(pair: Pair, servers: list[tuple[_Server, socket.socket]]) -> None:
    pair.resume()
    await asyncio.gather(*(server.serve(sockets=[listener]) for server, listener in servers))


def _stop(servers: list[tuple[_Server, socket.socket]]) -> None:
    for server, _ in servers:
        server.should_exit = True


def _listen(host: str, port: int) -> socket.socket:
    # With the protocol named asyncio switches Nagle's algorithm off; else every answer waits 40 ms.
    listener = socket.socket(proto=socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(128)
    return listener


def run(
    state_dir: Path | None = None,
    monstock_port: int = 8401,
    xero_port: int = 8402,
    host: str = "127.0.0.1",
    seed: bool = True,
    limits: bool = True,
) -> None:
    """Serve both until SIGTERM or SIGINT. Without `state_dir` everything is in memory and gone afterwards."""
    pair = Pair(state_dir, seed=seed, limits=limits)
    servers = _servers(pair, [_listen(host, port) for port in (monstock_port, xero_port)])

    async def main() -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, _stop, servers)
        await _serve(pair, servers)

    asyncio.run(main())
    pair.close()


class Sandbox:
    """Both systems as a test sees them: two addresses, and the control API in short."""

    def __init__(self, monstock_port: int, xero_port: int) -> None:
        self.monstock_root = f"http://127.0.0.1:{monstock_port}"
        self.monstock_url = f"{self.monstock_root}/v1"
        self.xero_url = f"http://127.0.0.1:{xero_port}"
        # Plain HTTP: no certificates to read, which takes 40 ms.
        self._http = httpx.Client(timeout=60, trust_env=False, verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))

    def control(self, method: str, path: str, body: Any = None, *, on: str = "xero") -> Any:
        """A call of the control API of "xero" or "monstock"; ValueError holds its complaint."""
        root = {"xero": self.xero_url, "monstock": self.monstock_root}[on]
        content = None if body is None else encode(body)
        answer = self._http.request(method, f"{root}/sandbox{path}", content=content)
        if answer.status_code != 200:
            raise ValueError(answer.text)
        return answer.json()

    def fault(self, kind: str, *, on: str = "xero", **how: Any) -> Json:
        """Set a fault: `fault("lose_answer", method="PUT", path="/Invoices$", every=100)`."""
        fault: Json = self.control("POST", "/faults", {"kind": kind, **how}, on=on)
        return fault

    def clear_faults(self) -> None:
        """Take all faults away, on both."""
        for on in ("xero", "monstock"):
            self.control("DELETE", "/faults", on=on)

    def edit(self, action: str, *, on: str = "xero", **what: Any) -> Any:
        """A person's edit: `edit("pay", number="INV-1", amount="5.00")`."""
        return self.control("POST", "/edits", {"action": action, **what}, on=on)

    def load_orders(self, orders: list[Json]) -> int:
        """Put orders into Monstock, a thousand at a time."""
        for start in range(0, len(orders), CHUNK):
            self.control("POST", "/orders", orders[start : start + CHUNK], on="monstock")
        return len(orders)

    def state(self, on: str = "xero") -> Json:
        """Calls, refusals, documents, the clock."""
        state: Json = self.control("GET", "/state", on=on)
        return state

    def settings(self, *, on: str = "xero", **settings: Any) -> Json:
        """Change settings (`settings(switches={...})`) and read them all."""
        changed: Json = self.control("PUT", "/settings", settings, on=on)
        return changed

    def subscribe(self, on: str, url: str, key: str, **how: Any) -> Json:
        """Have a webhook told of changes: `subscribe("xero", url, key, drop=0.3, repeat=0.2, shuffle=True)`."""
        shown: Json = self.control("PUT", "/webhook", {"url": url, "key": key, **how}, on=on)
        return shown

    def unsubscribe(self, on: str) -> None:
        """End it; what waits is forgotten."""
        self.control("DELETE", "/webhook", on=on)

    def webhook(self, on: str) -> Json:
        """Its status and counts."""
        shown: Json = self.control("GET", "/webhook", on=on)
        return shown

    def advance(self, seconds: float) -> None:
        """Move the clock of both."""
        self.control("POST", "/clock", {"advance_seconds": seconds})

    def reset(self) -> None:
        """Both as on the first day, without faults; settings stay, and webhooks."""
        for on in ("xero", "monstock"):
            self.control("POST", "/reset", on=on)

    def close(self) -> None:
        """Close the control connection."""
        self._http.close()


@contextmanager
def running(state_dir: Path | None = None, seed: bool = False, limits: bool = False) -> Iterator[Sandbox]:
    """Both on free ports of loopback, in a thread, until the block ends."""
    pair = Pair(state_dir, seed=seed, limits=limits)
    listeners = [_listen("127.0.0.1", 0) for _ in range(2)]
    servers = _servers(pair, listeners)
    thread = threading.Thread(target=asyncio.run, args=(_serve(pair, servers),), daemon=True, name="sandbox")
    thread.start()
    sandbox = Sandbox(*(listener.getsockname()[1] for listener in listeners))
    try:
        yield sandbox
    finally:
        sandbox.close()
        _stop(servers)
        thread.join()
        pair.close()
