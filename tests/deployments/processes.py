"""The command as a process of its own, and the processes that a stack has left."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from deployments.stack import Stack

looks_in_proc = pytest.mark.skipif(
    not Path("/proc/self/environ").exists(), reason="looks for processes in /proc"
)


def monstock_xero(*arguments: str, **environment: str) -> str:
    """What the command says, where nothing of Prefect's is set but this."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    done = subprocess.run(
        [sys.executable, "-m", "deployments.cli", *arguments],
        capture_output=True,
        text=True,
        env={**kept, **environment, "COLUMNS": "200"},
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def running(stack: Stack, module: str = "") -> list[int]:
    """The ids of a stack's processes, or of those that run one module.

    Its ports say nothing: another stack may have taken them since.
    """
    ours, named = f"PREFECT_HOME={stack.folder}/".encode(), f"-m\0{module}\0".encode()
    return [
        int(process.name)
        for process in Path("/proc").glob("[0-9]*")
        if ours in _read(process / "environ") and (not module or named in _read(process / "cmdline"))
    ]


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:  # it ended meanwhile, or is not ours to look at
        return b""
