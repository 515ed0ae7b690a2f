"""The server of compose.yaml for real, on Postgres and Redis, and process workers that die while they export."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from cryptography.fernet import Fernet
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.responses import DeploymentResponse
from prefect.states import Pending
from sqlalchemy import URL, make_url

from deployments.sandbox.server import Sandbox, running
from tests import redis
from tests.benchmarks import books, orders
from tests.deployments.composed import FOLDER, Processes, command, family, until, wanted_values
from tests.postgres import free_port, fresh_database, postgres
from tests.support import settings_for

__all__ = ["postgres"]

HEAD = "[connections.sandbox]\n"
# An answer that does not come within a request's time: so long a run stands in the middle of its writing.
REQUEST, LEASE, SLOW = 20.0, 22.0, 25
SHORT = {HEAD: f"{HEAD}request_timeout = {REQUEST}\nlease_seconds = {LEASE}\n"}
# Prefect beats no more often than each 30 seconds; the product waits for three beats.
SILENCE, START = 45, 20
ORDERS = range(200)
AUTOMATIONS = "python -m deployments.automations"
USER = "admin:of-the-tests"


@dataclass
class Cluster:
    """The server and its workers, an address to ask, and both systems."""

    processes: Processes
    client: SyncPrefectClient
    sandbox: Sandbox
    deployment: DeploymentResponse
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start_workers(self, number: int) -> None:
        """So many more workers."""
        for _ in range(number):
            quick = {"PREFECT_WORKER_WEBSERVER_PORT": str(free_port()), "PREFECT_WORKER_QUERY_SECONDS": "1"}
            self.workers.append(self.processes.start("worker", **quick))

    def end_workers(self, sign: signal.Signals) -> None:
        """SIGTERM goes to the worker alone, as `docker stop` sends it; what is left after ten seconds is killed.

        SIGKILL goes to all it started: a machine dies.
        """
        for worker in self.workers:
            for pid in [worker.pid] if sign is signal.SIGTERM else family(worker.pid):
                os.kill(pid, sign)
        for worker in self.workers:
            try:
                worker.wait(10)
            except subprocess.TimeoutExpired:
                for pid in family(worker.pid):
                    os.kill(pid, signal.SIGKILL)
                worker.wait(60)
        self.workers.clear()

    def begin(self, deployment: UUID | None = None, **how: Any) -> UUID:
        """A run of the export, by its deployment; its id."""
        return self.client.create_flow_run_from_deployment(deployment or self.deployment.id, **how).id

    def run(self, of: UUID) -> FlowRun:
        """The run as the server knows it."""
        return self.client.read_flow_run(of)

    def ended(self, of: UUID) -> str:
        """Wait for a run's end; its state's name."""
        run: FlowRun = until(lambda: self._final(of))
        assert run.state is not None
        return str(run.state.name)

    def in_the_middle(self, of: UUID) -> None:
        """Wait until the run has sent documents whose answer it does not have."""
        until(lambda: self.sandbox.control("GET", "/faults")[-1]["done"])
        assert self.run(of).state_name == "Running"

    def _final(self, of: UUID) -> FlowRun | None:
        run = self.run(of)
        return run if run.state is not None and run.state.is_final() else None


@pytest.fixture(scope="module")
def cluster(postgres: URL, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Everything of compose.yaml but its containers: databases, API, services, set up; no worker yet."""
    folder = tmp_path_factory.mktemp("cluster")
    try:
        with (
            fresh_database(postgres) as prefect,
            fresh_database(postgres) as ledger,
            redis.server(folder) as messages,
            running() as sandbox,
        ):
            yield from _cluster(folder, prefect, ledger, messages, sandbox)
    except redis.NoRedis as reason:
        pytest.fail(str(reason)) if os.environ.get("CI") else pytest.skip(str(reason))


def _cluster(folder: Path, prefect: str, ledger: str, messages: str, sandbox: Sandbox) -> Iterator[Cluster]:
    port = free_port()
    url = f"http://127.0.0.1:{port}/api"
    config = folder / "connections.toml"
    config.write_text(settings_for(sandbox, SHORT))
    asynchronous = make_url(prefect).set(drivername="postgresql+asyncpg")
    replaced = {
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": asynchronous.render_as_string(hide_password=False),
        "PREFECT_REDIS_MESSAGING_URL": f"{messages}/0",
        "PREFECT_SERVER_DOCKET_URL": f"{messages}/1",
        "PREFECT_SERVER_UI_STATIC_DIRECTORY": str(folder / "ui"),
        "PREFECT_API_URL": url,
        "PREFECT_RESULTS_LOCAL_STORAGE_PATH": str(folder / "results"),
        "MONSTOCK_XERO_CONFIG": str(config),
        "MONSTOCK_XERO_REPORTS": str(folder / "reports"),
        "LEDGER_URL": ledger,
    }
    values = dict.fromkeys(wanted_values(), "of-the-tests") | {
        "PREFECT_SERVER_API_AUTH_STRING": USER,
        "PREFECT_SERVER_ENCRYPTION_KEY": Fernet.generate_key().decode(),
        "MONSTOCK_XERO_KEY": Fernet.generate_key().decode(),
    }
    processes = Processes(folder, values, replaced)
    try:
        processes.run("migrate")
        # Its own schedules would start runs among ours.
        processes.start("services", PREFECT_SERVER_SERVICES_SCHEDULER_ENABLED="false")
        processes.start("api", [str(port) if word == "4200" else word for word in command("api")])
        until(lambda: _healthy(url))
        shorter = f"{AUTOMATIONS} --silence-seconds {SILENCE} --start-seconds {START}"
        processes.run("setup", [word.replace(AUTOMATIONS, shorter) for word in command("setup")])
        with SyncPrefectClient(url, auth_string=USER) as client:
            [export] = [d for d in client.read_deployments() if str(d.entrypoint).endswith(":order_export")]
            yield Cluster(processes, client, sandbox, export)
    finally:
        processes.stop()


def _healthy(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health", timeout=5, trust_env=False).is_success
    except httpx.TransportError:
        return False


def test_all_orders_arrive_once_whichever_worker_takes_the_run(cluster: Cluster) -> None:
    orders.load(cluster.sandbox, range(100))
    cluster.start_workers(2)
    assert cluster.ended(cluster.begin()) == "Completed"
    assert books.count(cluster.sandbox, range(100)) == (100, 0, 0)


def test_workers_that_die_leave_no_run_running_and_no_order_behind(cluster: Cluster) -> None:
    orders.load(cluster.sandbox, ORDERS)
    terminated = die_in_the_middle(cluster, cluster.deployment.id, signal.SIGTERM)
    cluster.start_workers(1)
    killed = die_in_the_middle(cluster, twin(cluster), signal.SIGKILL)
    taken = cluster.begin(state=Pending())
    assert [cluster.ended(run) for run in (terminated, killed, taken)] == ["Crashed"] * 3
    messages = [str(cluster.run(run).state.message) for run in (terminated, killed, taken)]
    assert [message.split(":")[0] for message in messages] == [
        f"No heartbeat for {SILENCE} seconds",
        f"No heartbeat for {SILENCE} seconds",
        f"Taken by a worker, and not begun within {START} seconds",
    ]

    cluster.start_workers(1)
    assert cluster.ended(cluster.begin()) == "Completed"
    assert books.count(cluster.sandbox, ORDERS) == (len(ORDERS), 0, 0)


def test_the_server_takes_the_kubernetes_pool(cluster: Cluster) -> None:
    template = json.loads((FOLDER / "kubernetes-work-pool.json").read_text())
    wanted = WorkPoolCreate(name="cluster", type="kubernetes", base_job_template=template)
    assert cluster.client.create_work_pool(wanted).base_job_template == template


def die_in_the_middle(cluster: Cluster, deployment: UUID, sign: signal.Signals) -> UUID:
    """A run whose worker ends by this signal while an answer of Xero's is under way."""
    cluster.sandbox.fault("slow_answer", method="PUT", path="/Invoices$", seconds=SLOW)
    run = cluster.begin(deployment)
    cluster.in_the_middle(run)
    cluster.end_workers(sign)
    assert cluster.run(run).state_name == "Running"  # nobody was left to say otherwise
    cluster.sandbox.clear_faults()
    return run


def twin(cluster: Cluster) -> UUID:
    """Another deployment of the export: one alone has no second run beside one that seems to run."""
    known = cluster.deployment
    return cluster.client.create_deployment(
        flow_id=known.flow_id,
        name="twin",
        tags=known.tags,
        entrypoint=known.entrypoint,
        parameters=known.parameters,
        pull_steps=known.pull_steps,
        work_pool_name=known.work_pool_name,
        job_variables=known.job_variables,
        enforce_parameter_schema=True,
    )
