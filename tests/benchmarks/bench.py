"""What every benchmark is given: a folder of its own, a Prefect server, and whether it is to be quick."""

import subprocess
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.stage import ROOT, Stage, staged


@dataclass(frozen=True)
class Bench:
    """The surroundings of a benchmark."""

    folder: Path
    prefect_url: str
    quick: bool

    def stage(self, name: str, replace: Mapping[str, str] | None = None) -> AbstractContextManager[Stage]:
        """Empty systems and a fresh ledger under a name."""
        return staged(self.folder / name, self.prefect_url, replace)

    def bare_loop(self, xero_url: str, documents: int) -> float:
        """Seconds of the bare loop of xero-python, in a process of its own."""
        command = [sys.executable, "-m", "tests.benchmarks.bare_loop", xero_url, str(documents)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        return float(done.stdout)
