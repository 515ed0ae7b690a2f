"""Where a benchmark plays: both systems, a Prefect server and exporters, each a process of its own on loopback."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from deployments.sandbox.server import Sandbox
from tests.support import settings_for

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0


@dataclass(frozen=True)
class Stage:
    """Both systems as control, and the environment in which an exporter works against them."""

    sandbox: Sandbox
    folder: Path
    environment: dict[str, str]

    @property
    def ledger(self) -> Path:
        """The exporter's ledger."""
        return self.folder / "ledger.db"

    @property
    def log(self) -> Path:
        """What exporters complained of."""
        return self.folder / "export.log"

    def start_export(self, **parameters: Any) -> subprocess.Popen[str]:
        """An exporter in a process of its own: it prints "ready" before the flow, a line of JSON after it."""
        command = [sys.executable, "-m", "tests.benchmarks.exporter", json.dumps(parameters)]
        with self.log.open("ab") as log:
            return subprocess.Popen(
                command, cwd=ROOT, env=self.environment, stdout=subprocess.PIPE, stderr=log, text=True
            )

    def export(self, **parameters: Any) -> dict[str, Any]:
        """Run an exporter to its end. RuntimeError if the flow failed."""
        with self.start_export(**parameters) as process:
            said, _ = process.communicate()
        if process.returncode != 0:
            raise RuntimeError(
                f"the exporter ended with {process.returncode}: {self.log.read_text()[-2000:]}"
            )
        report: dict[str, Any] = json.loads(said.splitlines()[-1])
        return report


@contextmanager
def staged(folder: Path, prefect_url: str, replace: Mapping[str, str] | None = None) -> Iterator[Stage]:
    """Empty systems without limits in a process, and a fresh ledger; `replace` edits the connection's text."""
    folder.mkdir(parents=True, exist_ok=True)
    ports = free_port(), free_port()
    command = [sys.executable, "-m", "deployments.sandbox", "--no-seed", "--no-limits"]
    command += ["--state", str(folder / "sandbox")]
    command += ["--monstock-port", str(ports[0]), "--xero-port", str(ports[1])]
    answers = partial(_answers, f"http://127.0.0.1:{ports[1]}/sandbox/state")
    with _process(command, dict(os.environ), folder / "sandbox.log", answers):
        sandbox = Sandbox(*ports)
        file = folder / "connections.toml"
        file.write_text(settings_for(sandbox, replace))
        environment = _environment(folder) | {
            "MONSTOCK_XERO_CONFIG": str(file),
            "LEDGER_URL": f"sqlite:///{folder / 'ledger.db'}",
            "PREFECT_API_URL": prefect_url,
        }
        yield Stage(sandbox, folder, environment)
        sandbox.close()


@contextmanager
def prefect_server(folder: Path) -> Iterator[str]:
    """A Prefect server in a process; its API's address."""
    port = free_port()
    url = f"http://127.0.0.1:{port}/api"
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    folder.mkdir(parents=True, exist_ok=True)
    with _process(command, _environment(folder), folder / "prefect.log", partial(_answers, f"{url}/health")):
        yield url


def _environment(folder: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    return kept | {
        "MONSTOCK_XERO_KEY_FILE": str(folder / "key"),
        "PREFECT_HOME": str(folder / "prefect"),
        "PREFECT_LOGGING_LEVEL": "WARNING",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        # As `make up` has it.
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "100",
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
        # What is due by its schedule would be measured with the rest.
        "PREFECT_SERVER_SERVICES_SCHEDULER_ENABLED": "false",
    }


@contextmanager
def _process(
    command: list[str], environment: dict[str, str], log: Path, ready: Callable[[], bool]
) -> Iterator[None]:
    with (
        log.open("wb") as said,
        subprocess.Popen(command, cwd=ROOT, env=environment, stdout=said, stderr=said) as process,
    ):
        try:
            until = time.monotonic() + PATIENCE
            while not ready():
                if process.poll() is not None or time.monotonic() > until:
                    raise RuntimeError(f"{' '.join(command)} did not start: {log.read_text()[-500:]}")
                time.sleep(0.1)
            yield
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(10)
            process.kill()


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
