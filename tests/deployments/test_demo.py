"""The first ten minutes of a new user: the demo, twice, as processes of its own."""

import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from deployments.stack import Stack
from tests.deployments.conftest import NewStack

pytestmark = [
    pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks for processes in /proc"),
]


def monstock_xero(*arguments: str) -> str:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PREFECT_")}
    done = subprocess.run(
        [sys.executable, "-m", "deployments.cli", *arguments],
        capture_output=True,
        text=True,
        env={**environment, "COLUMNS": "200"},
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def nothing_runs(stack: Stack) -> bool:
    """Whether no process of this stack is left. Its ports say nothing: another stack may have taken them since."""
    ours = f"PREFECT_HOME={stack.folder}/".encode()
    return not any(ours in _environment(process) for process in Path("/proc").glob("[0-9]*"))


def _environment(process: Path) -> bytes:
    try:
        return (process / "environ").read_bytes()
    except OSError:  # it ended meanwhile, or is not ours to look at
        return b""


def test_the_demo_exports_once_and_leaves_nothing_running(tmp_path: Path) -> None:
    stack = Stack(tmp_path)
    first = monstock_xero("demo", "--folder", str(tmp_path))
    assert "CompletedWithWarnings" in first
    assert "tax rate not mapped" in first
    assert str(stack.ledger) in first
    assert "<h2>Held or rejected</h2>" in (tmp_path / "report.html").read_text()
    assert nothing_runs(stack)

    second = monstock_xero("demo", "--folder", str(tmp_path))
    assert "Nothing new was exported" in second
    assert "5 discrepancies (none new)" in " ".join(second.split())
    assert len(list((tmp_path / "reports" / "sandbox").glob("*/index.html"))) == 2
    assert nothing_runs(stack)


def test_up_runs_flows_from_the_prefect_ui_until_down(new_stack: NewStack, tmp_path: Path) -> None:
    stack = new_stack(tmp_path)
    told = monstock_xero("up", "--folder", str(tmp_path))
    try:
        assert f"Prefect UI: {stack.prefect_url}" in told
        assert not nothing_runs(stack)
        health = httpx.get(f"{stack.prefect_url}/api/health", timeout=5, trust_env=False)
        assert health.json() is True
        name = f"{stack.prefect_url}/api/deployments/name/order-export/sandbox"
        assert httpx.get(name, timeout=5, trust_env=False).is_success
    finally:
        assert "stopped" in monstock_xero("down", "--folder", str(tmp_path))
    assert nothing_runs(stack)
    assert "Nothing was running" in monstock_xero("down", "--folder", str(tmp_path))
