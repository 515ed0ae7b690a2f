"""The receiver, what follows it, and what serves flows, beside the systems of a stage, which tell of changes."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import httpx

from deployments.stack import WEBHOOKS
from tasks.connections.settings import SecretPlace, secret
from tests.benchmarks.stage import ROOT, Stage, free_port

PATIENCE = 60.0


@contextmanager
def listening(stage: Stage) -> Iterator[str]:
    """Both run, and both systems tell of every change. The receiver's address."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with ExitStack() as running:
        for module, *words in (["console", "--port", str(port)], ["following"], ["serve"]):
            running.enter_context(_process(stage, module, [f"deployments.{module}", *words]))
        _until_it_answers(f"{url}/health")
        for system, (path, variable) in WEBHOOKS.items():
            key = secret(SecretPlace(env=variable), system).get_secret_value()
            stage.sandbox.subscribe(system, f"{url}/webhooks/{path}", key)
        _until_xero_trusts(stage)
        yield url


@contextmanager
def _process(stage: Stage, name: str, module: list[str]) -> Iterator[None]:
    with (stage.folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *module], cwd=ROOT, env=stage.environment, stdout=log, stderr=log
        )
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()


def _until_it_answers(url: str) -> None:
    until = time.monotonic() + PATIENCE
    while True:
        try:
            httpx.get(url, trust_env=False).raise_for_status()
        except httpx.HTTPError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
        else:
            return


def _until_xero_trusts(stage: Stage) -> None:
    until = time.monotonic() + PATIENCE
    while (shown := stage.sandbox.webhook("xero"))["status"] != "OK":
        if time.monotonic() > until:
            raise TimeoutError(shown["reason"])
        time.sleep(0.1)
