"""Prefect ignores what it does not know in prefect.yaml; this test does not."""

from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from prefect import Flow
from prefect.cli.deploy._models import (
    ConcurrencyLimitSpec,
    DeploymentConfig,
    PrefectYamlModel,
    RawScheduleConfig,
    WorkPoolConfig,
)
from prefect.client.schemas.objects import ConcurrencyLimitStrategy
from prefect.flows import load_flow_from_entrypoint
from pydantic import BaseModel

from deployments.definitions import rendered
from tasks.connections.settings import SANDBOX_FILE, load

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "prefect.yaml").read_text()
CONFIG: dict[str, Any] = yaml.safe_load(TEXT)
DEPLOYMENTS = [pytest.param(d, id=d["entrypoint"]) for d in CONFIG["deployments"]]
# What only a person can say.
EXAMPLES = {
    "date_from": "2026-10-01",
    "date_to": "2026-10-31",
    "backfill_id": "a run's id",
    "run": "5b2f3c1e",
}


def unknown_keys(given: dict[str, Any], model: type[BaseModel]) -> set[str]:
    known = {field.alias or name for name, field in model.model_fields.items()}
    return set(given) - known


def flow_of(deployment: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Flow[..., Any]:
    monkeypatch.chdir(ROOT)
    return load_flow_from_entrypoint(deployment["entrypoint"])


def test_the_file_is_what_the_definitions_make_of_the_sandbox() -> None:
    assert rendered(load(SANDBOX_FILE)) == TEXT, "run: monstock-xero deployments > prefect.yaml"


def test_the_file_knows_only_known_keys() -> None:
    assert not unknown_keys(CONFIG, PrefectYamlModel)


@pytest.mark.parametrize("deployment", DEPLOYMENTS)
def test_a_deployment_knows_only_known_keys(deployment: dict[str, Any]) -> None:
    assert not unknown_keys(deployment, DeploymentConfig)
    assert not unknown_keys(deployment["work_pool"], WorkPoolConfig)
    assert not unknown_keys(deployment["concurrency_limit"], ConcurrencyLimitSpec)
    for schedule in deployment.get("schedules", []):
        assert not unknown_keys(schedule, RawScheduleConfig)


@pytest.mark.parametrize("deployment", DEPLOYMENTS)
def test_a_deployment_waits_its_turn(deployment: dict[str, Any]) -> None:
    limit = deployment["concurrency_limit"]
    assert limit["limit"] >= 1
    assert ConcurrencyLimitStrategy(limit["collision_strategy"]) is ConcurrencyLimitStrategy.ENQUEUE


@pytest.mark.parametrize("deployment", DEPLOYMENTS)
def test_every_schedule_has_a_slug_and_a_zone_and_leaves_it_open_whether_it_is_paused(
    deployment: dict[str, Any],
) -> None:
    for schedule in deployment.get("schedules", []):
        assert RawScheduleConfig.model_validate(schedule).slug
        assert ZoneInfo(schedule["timezone"])
        assert "active" not in schedule


@pytest.mark.parametrize("deployment", DEPLOYMENTS)
def test_the_entrypoint_loads_and_takes_the_parameters(
    deployment: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    flow = flow_of(deployment, monkeypatch)
    assert set(deployment["parameters"]) <= set(flow.parameters.properties)
    asked = {name: EXAMPLES[name] for name in flow.parameters.required or []}
    flow.validate_parameters(asked | deployment["parameters"])


def test_a_flow_is_deployed_once_for_a_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [(flow_of(d, monkeypatch).name, d["name"]) for d in CONFIG["deployments"]]
    assert len(set(names)) == len(names)
