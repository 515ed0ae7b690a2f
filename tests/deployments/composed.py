"""deployments/compose.yaml as containers would see it, and its services as processes of this machine."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deployments"
COMPOSE: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text())
# ${NAME:?said where it is missing}, ${NAME:-default}, and $$ for a dollar.
_VARIABLE = re.compile(r"\$(?:(?P<dollar>\$)|\{(?P<name>\w+)(?::(?P<mode>[?-])(?P<rest>[^}]*))?\})")
PATIENCE = 120.0


def wanted_values() -> set[str]:
    """The names that .env.example asks values for."""
    lines = (FOLDER / ".env.example").read_text().splitlines()
    return {line.removesuffix("=") for line in lines if line.endswith("=")}


def filled(text: str, values: Mapping[str, str]) -> str:
    """A text of the file with its variables replaced. KeyError names one that must be given and is not."""

    def value(found: re.Match[str]) -> str:
        if found["dollar"]:
            return "$"
        name = found["name"]
        return values[name] if found["mode"] != "-" else values.get(name) or found["rest"]

    return _VARIABLE.sub(value, text)


def environment(service: str, values: Mapping[str, str]) -> dict[str, str]:
    """What a container of this service has in its environment by the file."""
    given = COMPOSE["services"][service].get("environment", {})
    return {name: filled(text, values) for name, text in given.items()}


def command(service: str) -> list[str]:
    """What a container of this service runs."""
    return [filled(word, {}) for word in COMPOSE["services"][service]["command"]]


@dataclass
class Processes:
    """Services of the file as processes, each with a log and a process group of its own."""

    folder: Path
    values: Mapping[str, str]
    replaced: Mapping[str, str]
    _running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def run(self, service: str, words: list[str] | None = None) -> None:
        """Run a service that ends. RuntimeError with what it said, if it fails."""
        process = self.start(service, words)
        if process.wait(PATIENCE) != 0:
            raise RuntimeError(f"{service}: {self.log(service)}")

    def start(self, service: str, words: list[str] | None = None, **more: str) -> subprocess.Popen[bytes]:
        """Start a service as its container would, or other words in its place; `more` goes into its environment."""
        given = self.environment(service) | more
        with (self.folder / f"{service}.log").open("ab") as log:
            process = subprocess.Popen(
                words or command(service), cwd=ROOT, env=given, stdout=log, stderr=log, start_new_session=True
            )
        self._running.append(process)
        return process

    def environment(self, service: str) -> dict[str, str]:
        """The file's, with the addresses replaced that only containers have; nothing else of Prefect's or ours."""
        foreign = ("PREFECT_", "MONSTOCK_", "LEDGER_")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        given = environment(service, self.values)
        moved = {name: value for name, value in self.replaced.items() if name in given}
        home = self.folder / service
        programs = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        return kept | given | moved | {"PREFECT_HOME": str(home), "PATH": programs}

    def log(self, service: str) -> str:
        """The end of what it said."""
        return (self.folder / f"{service}.log").read_text()[-3000:]

    def stop(self) -> None:
        """End all of them, with what they started."""
        everyone = [pid for process in self._running if process.poll() is None for pid in family(process.pid)]
        for process in self._running:
            process.terminate()
        for process in self._running:
            with suppress(subprocess.TimeoutExpired):
                process.wait(10)
        for pid in everyone:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for process in self._running:
            process.wait()


def until(holds: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    """Wait until it holds, and return what it said. TimeoutError if it never does."""
    end = time.monotonic() + seconds
    while not (said := holds()):
        if time.monotonic() > end:
            raise TimeoutError(f"not within {seconds:.0f} seconds")
        time.sleep(0.2)
    return said


def family(pid: int) -> list[int]:
    """A process and all that it and its children started."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(one for child in children for one in family(int(child)))]
