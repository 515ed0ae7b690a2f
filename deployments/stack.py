"""Starts and stops the stack on this machine: both sandboxes and a Prefect server, on loopback."""

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from tasks.connections.settings import (
    CONFIG_VARIABLE,
    LEDGER_VARIABLE,
    REPORTS_VARIABLE,
    SANDBOX_FILE,
    SecretPlace,
    secret,
)
from tasks.domain.errors import MonstockXeroError
from tasks.ledger.keyring import FILE_VARIABLE
from tasks.transport.http import trusted

READY_SECONDS = 120
TRIES = 3
PORTS = {"monstock": 8401, "xero": 8402, "prefect": 4200}
RECEIVER_PORT = 8400
# The sandbox's demo orders reach back 60 days, and one of them further: that one is before the cut-over.
CUTOVER = timedelta(days=75)
# Nobody who tries it out waits for minutes to end: these two grant ten times the calls that the real ones do.
MINUTES = {"monstock": 3000, "xero": 600}
# Where each system tells of changes, and the sandbox's word for signing it.
WEBHOOKS = {
    "monstock": ("monstock/sandbox", "SANDBOX_MONSTOCK_WEBHOOK_SECRET"),
    "xero": ("xero", "SANDBOX_XERO_WEBHOOK_KEY"),
}


class StackError(MonstockXeroError):
    """A part of the stack does not run; the text says which, and where its log is."""


@dataclass
class Stack:
    """Everything under one folder: the sandboxes' state, the ledger, Prefect's home, logs and process ids."""

    folder: Path
    limits: bool = True
    _processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def ledger(self) -> Path:
        """The ledger's file."""
        return self.folder / "ledger.db"

    @property
    def config(self) -> Path:
        """The settings file that points at the sandboxes."""
        return self.folder / "connections.toml"

    @property
    def ports(self) -> dict[str, int]:
        """Ports of monstock, xero, prefect and, if it listens, the receiver, as they were chosen at the last start."""
        return dict(json.loads((self.folder / "ports.json").read_text()))

    @property
    def environment(self) -> dict[str, str]:
        """What a command needs to work with this stack."""
        return {
            **os.environ,
            CONFIG_VARIABLE: str(self.config),
            LEDGER_VARIABLE: f"sqlite:///{self.ledger}",
            REPORTS_VARIABLE: str(self.folder / "reports"),
            FILE_VARIABLE: str(self.folder / "key"),
            "PREFECT_HOME": str(self.folder / "prefect"),
            "PREFECT_API_URL": f"{self.prefect_url}/api",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_LOGGING_LEVEL": "WARNING",
            "PREFECT_CLI_PROMPT": "false",
            # On SQLite each writing of its own may let a client wait: together there are fewer.
            "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "100",
            "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
        }

    @property
    def prefect_url(self) -> str:
        """Where the Prefect UI is."""
        return f"http://127.0.0.1:{self.ports['prefect']}"

    def start(self, waiting: Callable[[str], None]) -> None:
        """Start both sandboxes and the Prefect server, and wait until they answer; `waiting` is told for whom.

        Another program may take a port between its choice and its use: then others are chosen. Of several stacks
        one starts at a time, for else the first could take the second's answer for its own.
        """
        with _alone():
            for left in reversed(range(TRIES)):
                try:
                    self._start(waiting)
                except StackError:
                    self.stop()
                    if not left:
                        raise
                else:
                    return

    def _start(self, waiting: Callable[[str], None]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        ports = {name: _free(port) for name, port in PORTS.items()}
        (self.folder / "ports.json").write_text(json.dumps(ports))
        self._write_config(ports)
        sandbox = ["-m", "deployments.sandbox", "--state", str(self.folder / "sandbox")]
        sandbox += ["--monstock-port", str(ports["monstock"]), "--xero-port", str(ports["xero"])]
        self._run("sandbox", sandbox + ([] if self.limits else ["--no-limits"]))
        self._await(f"http://127.0.0.1:{ports['monstock']}/sandbox", lambda: waiting("the sandboxes"))
        self._await(f"http://127.0.0.1:{ports['xero']}/sandbox", lambda: waiting("the sandboxes"))
        with _client() as client:
            for system, minute in MINUTES.items():
                grant = f"http://127.0.0.1:{ports[system]}/sandbox/settings"
                client.put(grant, json={"minute_limit": minute}).raise_for_status()
        server = ["-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(ports["prefect"])]
        self._run("prefect", server)
        self._await(f"{self.prefect_url}/api/health", lambda: waiting("the Prefect server"))

    def serve(self, waiting: Callable[[str], None]) -> None:
        """Start the process that runs what is started from the Prefect UI, and wait until it can be."""
        self._run("serve", ["-m", "deployments.serve"])
        last = f"{self.prefect_url}/api/deployments/name/backfill-chunk/sandbox"
        self._await(last, lambda: waiting("the flows"))

    def listen(self, waiting: Callable[[str], None]) -> None:
        """Start the receiver of webhooks and the process that follows them, and have both sandboxes tell it."""
        with _alone():
            port = _free(RECEIVER_PORT)
            (self.folder / "ports.json").write_text(json.dumps({**self.ports, "receiver": port}))
            self._run("receiver", ["-m", "deployments.console", "--port", str(port)])
            receiver = f"http://127.0.0.1:{port}"
            self._await(f"{receiver}/health", lambda: waiting("the receiver"))
        self._run("following", ["-m", "deployments.following"])
        with _client() as client:
            workers = f"{self.prefect_url}/api/task_workers/filter"
            self._until(
                lambda: client.post(workers, json={}).json(), "following", lambda: waiting("what follows")
            )
            for system, (path, variable) in WEBHOOKS.items():
                key = secret(SecretPlace(env=variable), system).get_secret_value()
                subscription = {"url": f"{receiver}/webhooks/{path}", "key": key}
                control = f"http://127.0.0.1:{self.ports[system]}/sandbox/webhook"
                client.put(control, json=subscription).raise_for_status()

    def leave(self) -> None:
        """Let the processes run on; `stop_left` ends them."""
        pids = [process.pid for process in self._processes.values()]
        (self.folder / "pids.json").write_text(json.dumps(pids))

    def stop(self) -> None:
        """End everything that was started here."""
        _end([process.pid for process in self._processes.values()])
        for process in self._processes.values():
            process.wait()
        self._processes.clear()

    def stop_left(self) -> bool:
        """End what an earlier `leave` left running. False if there was nothing."""
        file = self.folder / "pids.json"
        if not file.exists():
            return False
        _end(json.loads(file.read_text()))
        file.unlink()
        return True

    def _run(self, name: str, arguments: list[str]) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 - our own modules
                [sys.executable, *arguments],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                env=self.environment,
                start_new_session=True,
            )
        self._processes[name] = process

    def _until(self, holds: Callable[[], Any], name: str, waiting: Callable[[], None]) -> None:
        """Wait for what a process does once it has started."""
        deadline = time.monotonic() + READY_SECONDS
        while not holds():
            if self._processes[name].poll() is not None or time.monotonic() > deadline:
                raise StackError(f"The {name} does not start; see {self.folder / name}.log.")
            waiting()
            time.sleep(0.1)

    def _await(self, url: str, waiting: Callable[[], None]) -> None:
        deadline = time.monotonic() + READY_SECONDS
        with _client() as client:
            while time.monotonic() < deadline:
                for name, process in self._processes.items():
                    if process.poll() is not None:
                        raise StackError(f"The {name} ended at its start; see {self.folder / name}.log.")
                try:
                    if client.get(url).is_success:
                        return
                except httpx.TransportError:
                    pass
                waiting()
                time.sleep(0.1)
        raise StackError(f"{url} does not answer; logs stand in {self.folder}.")

    def _write_config(self, ports: dict[str, int]) -> None:
        """The sandbox's settings with these ports; the cut-over is that of the first start."""
        first_day = datetime.now(UTC).date() - CUTOVER
        if self.config.exists():
            first_day = tomllib.loads(self.config.read_text("utf-8"))["connections"]["sandbox"]["export_from"]
        text = SANDBOX_FILE.read_text("utf-8")
        text = text.replace("127.0.0.1:8401", f"127.0.0.1:{ports['monstock']}")
        text = text.replace("127.0.0.1:8402", f"127.0.0.1:{ports['xero']}")
        for system, minute in MINUTES.items():
            table = f"[connections.sandbox.{system}]\n"
            text = text.replace(table, f"{table}limits = {{ minute = {minute} }}\n")
        self.config.write_text(
            text.replace("export_from = 2026-01-01", f"export_from = {first_day}"), "utf-8"
        )


def _client() -> httpx.Client:
    """Asks those that start on loopback."""
    return httpx.Client(timeout=2, trust_env=False, verify=trusted())


@contextmanager
def _alone() -> Iterator[None]:
    """Only one process of this user at a time."""
    lock = Path(tempfile.gettempdir(), f"monstock-xero-{os.getuid()}.lock")
    with lock.open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _free(port: int) -> int:
    """The port itself, or any free one where it is taken."""
    for wanted in (port, 0):
        with socket.socket() as probe:
            # As those who will listen do: what the last stack's connections left is no obstacle.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", wanted))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise StackError("No free port on this machine.")


def _end(pids: Iterable[int]) -> None:
    """End processes and their children, all at once: politely, then for good."""
    left = list(pids)
    for sign in (signal.SIGTERM, signal.SIGKILL):
        left = [pid for pid in left if _send(pid, sign)]
        for _ in range(100):
            left = [pid for pid in left if _send(pid)]
            if not left:
                return
            time.sleep(0.05)


def _send(pid: int, sign: int = 0) -> bool:
    """Signal a process and its children. False if they are gone."""
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    try:
        os.killpg(pid, sign)
    except (ProcessLookupError, PermissionError):
        return False
    return True
