"""`prefect deploy --all` in a clone, again and again, on a real Prefect server: nothing is doubled, nothing woken."""

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from deployments.definitions import DEFINITIONS, WORK_POOL
from deployments.stack import Stack

pytestmark = pytest.mark.xdist_group("deploying")

ROOT = Path(__file__).parents[2]
NAMES = {f"{definition.flow.name}/sandbox" for definition in DEFINITIONS}

Found = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    started = Stack(tmp_path_factory.mktemp("deploying"))
    try:
        started.start(lambda _: None)
        yield started
    finally:
        started.stop()


def prefect(stack: Stack, *arguments: str) -> None:
    command = [sys.executable, "-m", "prefect", "--no-prompt", *arguments]
    done = subprocess.run(
        command, cwd=ROOT, env=stack.environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def asked(stack: Stack, path: str, method: str = "POST", **body: Any) -> Any:
    answer = httpx.request(
        method, f"{stack.prefect_url}/api/{path}", json=body, timeout=30, trust_env=False
    ).raise_for_status()
    return answer.json() if answer.content else None


def deployed(stack: Stack) -> Found:
    flows = {flow["id"]: flow["name"] for flow in asked(stack, "flows/filter")}
    return {f"{flows[one['flow_id']]}/{one['name']}": one for one in asked(stack, "deployments/filter")}


def schedules(found: Found) -> dict[tuple[str, str], tuple[str, bool]]:
    """Id of each schedule, and whether it is active, by deployment and slug."""
    return {
        (name, each["slug"]): (each["id"], each["active"])
        for name, one in found.items()
        for each in one["schedules"]
    }


def pause(stack: Stack, one: dict[str, Any]) -> None:
    """As the switch beside a schedule in the Prefect UI does."""
    [schedule] = one["schedules"]
    asked(stack, f"deployments/{one['id']}/schedules/{schedule['id']}", "PATCH", active=False)


def test_a_second_deploy_doubles_nothing_and_wakes_nothing(stack: Stack) -> None:
    prefect(stack, "work-pool", "create", WORK_POOL, "--type", "process")
    prefect(stack, "deploy", "--all")
    first = deployed(stack)
    assert set(first) == NAMES
    assert all(active for _, active in schedules(first).values())

    pause(stack, first["order-export/sandbox"])
    paused = schedules(deployed(stack))
    prefect(stack, "deploy", "--all")
    second = deployed(stack)

    assert {name: one["id"] for name, one in second.items()} == {
        name: one["id"] for name, one in first.items()
    }
    assert schedules(second) == paused
    assert [key for key, (_, active) in paused.items() if not active] == [
        ("order-export/sandbox", "every-10-minutes")
    ]
    for name, one in second.items():
        assert not one["paused"], name
        assert one["global_concurrency_limit"]["limit"] >= 1, name
        assert one["concurrency_options"]["collision_strategy"] == "ENQUEUE", name

    runs = asked(stack, "flow_runs/filter")
    assert all(run["auto_scheduled"] and run["state_type"] == "SCHEDULED" for run in runs)
    assert first["order-export/sandbox"]["id"] not in {run["deployment_id"] for run in runs}
    moments = Counter((run["deployment_id"], run["expected_start_time"]) for run in runs)
    assert set(moments.values()) <= {1}


def serve_anew(stack: Stack) -> None:
    """Start the process that serves, and end it once all its deployments are registered."""
    since = {one["id"]: one["updated"] for one in deployed(stack).values()}
    stack.serve(lambda _: None)
    process = stack._processes.pop("serve")
    try:
        for _ in range(600):
            found = deployed(stack)
            if set(found) == NAMES and all(one["updated"] != since.get(one["id"]) for one in found.values()):
                return
            time.sleep(0.1)
        raise AssertionError("not everything was registered")
    finally:
        process.terminate()
        process.wait(30)


def test_the_process_that_serves_wakes_nothing_either(stack: Stack) -> None:
    """Started, ended and started again: what a person paused stays so, and nothing else is."""
    serve_anew(stack)
    pause(stack, deployed(stack)["reconciliation/sandbox"])
    before = schedules(deployed(stack))
    serve_anew(stack)
    after = deployed(stack)
    assert schedules(after) == before
    assert not any(one["paused"] for one in after.values())
