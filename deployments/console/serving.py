"""Runs the receiver until it is ended: uvicorn before it, the ledger behind it."""

import asyncio
import gc
import logging
import signal
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial

import uvicorn
from fastapi import FastAPI

from deployments.console.app import Receiver, build
from deployments.console.arrivals import Arrivals
from deployments.console.calling import Call, Calling
from deployments.console.protocol import Impatient
from deployments.console.watching import Watching
from tasks.connections.settings import ledger_url
from tasks.domain.errors import MonstockXeroError
from tasks.ledger import events
from tasks.ledger.database import Database

log = logging.getLogger(__name__)

HOST, PORT = "127.0.0.1", 8400
IDLE_SECONDS = 75
END_SECONDS = 10


class CannotListen(MonstockXeroError):
    """The address is another program's, or none of this machine's."""


class Server(uvicorn.Server):
    """A uvicorn that leaves signals to us: after it has ended, the ledger is to be let go."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


def run(call: Call, host: str = HOST, port: int = PORT) -> None:
    """Take webhooks until SIGTERM or SIGINT; what is in hand then is finished.

    Raises `CannotListen`, `SettingsError` and `LedgerError`, each before anything is taken.
    """
    import tasks.secrets  # noqa: F401, PLC0415 - says how Prefect Secret blocks are read

    # What strangers send is no line of a log.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    with closing(listen(host, port)) as listener, receiving(call) as app:
        # What was imported is not looked through again and again for what may go: each time would hold up every answer.
        gc.collect()
        gc.freeze()
        log.info("Webhooks are taken at http://%s:%s/webhooks/...", host, listener.getsockname()[1])
        asyncio.run(_serve(server(app), listener))


@contextmanager
def receiving(call: Call) -> Iterator[FastAPI]:
    """The application, with the ledger and the settings in use behind it as long as the block runs."""
    with (
        closing(Database(ledger_url())) as database,
        closing(Watching(database)) as known,
        closing(Calling(call, partial(events.left, database), partial(events.forget, database))) as calling,
        closing(Arrivals(partial(events.store, database), calling.tell)) as arrivals,
    ):
        yield build(Receiver(known, arrivals))


def server(app: FastAPI) -> Server:
    """A server that keeps strangers short."""
    config = uvicorn.Config(
        app,
        http=Impatient,
        ws="none",
        lifespan="off",
        interface="asgi3",
        access_log=False,
        log_config=None,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=END_SECONDS,
    )
    return Server(config)


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there. Raises `CannotListen`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named asyncio switches Nagle's algorithm off; else every answer waits 40 ms.
    listener = socket.socket(family, proto=socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise CannotListen(f"Nothing can listen at {host}, port {port}: {error.strerror}.") from None
    listener.listen(1024)
    return listener


async def _serve(uvicorn_server: Server, listener: socket.socket) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, _stop, uvicorn_server)
    await uvicorn_server.serve(sockets=[listener])


def _stop(uvicorn_server: Server) -> None:
    uvicorn_server.should_exit = True
