"""`prefect deploy --all` in a clone, again and again, on a real Prefect server: nothing is doubled, nothing woken."""

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployments.definitions import WORK_POOL
from deployments.stack import Stack
from tests.deployments.composed import until
from tests.deployments.conftest import NewStack
from tests.deployments.prefect_api import NAMES, Found, asked, deployed, pause, registered

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def stack(new_stack: NewStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    started = new_stack(tmp_path_factory.mktemp("deploying"))
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PREFECT_SERVER_SERVICES_SCHEDULER_ENABLED", "true")
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


def schedules(found: Found) -> dict[tuple[str, str], tuple[str, bool]]:
    """Id of each schedule, and whether it is active, by deployment and slug."""
    return {
        (name, each["slug"]): (each["id"], each["active"])
        for name, one in found.items()
        for each in one["schedules"]
    }


def test_a_second_deploy_doubles_nothing_and_wakes_nothing(stack: Stack) -> None:
    prefect(stack, "work-pool", "create", WORK_POOL, "--type", "process")
    prefect(stack, "deploy", "--all")
    first = deployed(stack)
    assert set(first) == NAMES
    assert all(active for _, active in schedules(first).values())

    # The server's own work, which fails in silence where one of its libraries is too new for it.
    due = until(lambda: asked(stack, "flow_runs/filter"))
    assert {run["deployment_id"] for run in due} <= {one["id"] for one in first.values()}

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
    since = deployed(stack)
    stack.serve(lambda _: None)
    process = stack._processes.pop("serve")
    try:
        registered(stack, since)
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
