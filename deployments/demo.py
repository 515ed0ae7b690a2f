"""The demo and the stack that is left running: everything a new user sees first."""

import shutil
import subprocess
import sys
from pathlib import Path

import typer
from rich.console import Console

from deployments.display import Bars
from deployments.stack import Stack


def run(folder: Path, console: Console) -> None:
    """Start the stack, export, import, reconcile, say what happened and where it can be read; leave nothing running."""
    stack = Stack(folder.resolve())
    report = stack.folder / "report.html"
    try:
        _start(stack, console)
        steps = (["export", "--report", str(report)], ["import"], ["reconcile"])
        code = next((code for step in steps if (code := _command(stack, step))), 0)
    finally:
        stack.stop()
    if code:
        raise typer.Exit(code)
    console.print(f"Ledger: {stack.ledger}\nReport: {report}", soft_wrap=True, highlight=False)
    console.print("Run it again: nothing new is exported. `make demo-clean` starts over.")


def _command(stack: Stack, words: list[str]) -> int:
    command = [sys.executable, "-m", "deployments.cli", *words]
    return subprocess.run(command, env=stack.environment, check=False).returncode  # noqa: S603 - our own command


def clean(folder: Path) -> None:
    """Forget the demo's state."""
    shutil.rmtree(folder, ignore_errors=True)


def up(folder: Path, console: Console) -> None:
    """Start the stack with the processes that run flows and follow webhooks, and say where it is."""
    stack = Stack(folder.resolve())
    if (stack.folder / "pids.json").exists():
        console.print("It is running already; `monstock-xero down` ends it.")
        raise typer.Exit(1)
    try:
        _start(stack, console, serve=True)
    except BaseException:
        stack.stop()
        raise
    stack.leave()
    ports = stack.ports
    console.print(f"Prefect UI: {stack.prefect_url}   (Deployments, sandbox under order-export, Run)")
    console.print(f"Monstock sandbox: http://127.0.0.1:{ports['monstock']}/sandbox")
    console.print(f"Xero sandbox: http://127.0.0.1:{ports['xero']}/sandbox")
    console.print(f"Settings: {stack.config}\nLedger: {stack.ledger}", soft_wrap=True, highlight=False)
    console.print("`monstock-xero down` ends it.")


def _start(stack: Stack, console: Console, *, serve: bool = False) -> None:
    with Bars(console) as bars:
        stack.start(lambda what: bars.advance(f"Starting {what}", 0))
        if serve:
            stack.serve(lambda what: bars.advance(f"Starting {what}", 0))
            stack.listen(lambda what: bars.advance(f"Starting {what}", 0))
