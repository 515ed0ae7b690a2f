"""Several connections have the same deployments, each by its own name, in its own zone, at its own second."""

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from deployments import cli, serve
from deployments.definitions import DEFINITIONS, deployments, rendered
from tasks.connections.settings import CONFIG_VARIABLE, SANDBOX_FILE, load

SANDBOX = SANDBOX_FILE.read_text()


@pytest.fixture
def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The sandbox's connection, and one in Auckland over another account and organisation."""
    other = SANDBOX.replace("connections.sandbox", "connections.south").replace(
        "127.0.0.1:8401", "127.0.0.1:1"
    )
    other = other.replace('tenant_id = "5', 'tenant_id = "6').replace(
        'prefix = "MS-"', 'prefix = "S-"\ntimezone = "Pacific/Auckland"'
    )
    file = tmp_path / "connections.toml"
    file.write_text(SANDBOX + other)
    monkeypatch.setenv(CONFIG_VARIABLE, str(file))
    return file


def entries(text: str) -> dict[tuple[str, str], dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load(text)["deployments"]
    return {(entry["entrypoint"].split(":")[1], entry["name"]): entry for entry in found}


def test_each_connection_has_each_flow(two: Path) -> None:
    found = entries(rendered(load(two)))
    flows = {definition.flow.fn.__name__ for definition in DEFINITIONS}
    assert set(found) == {(flow, name) for flow in flows for name in ("sandbox", "south")}
    for (_, name), entry in found.items():
        assert entry["parameters"]["connection"] == name
        assert entry["tags"] == ["monstock-xero", name]


def test_a_night_is_that_of_the_connections_zone(two: Path) -> None:
    found = entries(rendered(load(two)))
    nights = {name: found["reconciliation", name]["schedules"] for name in ("sandbox", "south")}
    assert [night["timezone"] for [night] in nights.values()] == ["UTC", "Pacific/Auckland"]
    assert [night["cron"] for [night] in nights.values()] == ["30 2 * * *"] * 2


def test_the_runs_of_all_connections_do_not_start_in_one_second(two: Path) -> None:
    found = entries(rendered(load(two)))
    starts = [
        datetime.fromisoformat(schedule["anchor_date"]).timestamp() % schedule["interval"]
        for entry in found.values()
        for schedule in entry.get("schedules", [])
        if "interval" in schedule
    ]
    assert len(starts) == len(set(starts)) == 4


def test_the_command_writes_the_file_for_the_connections_there_are(two: Path) -> None:
    printed = CliRunner().invoke(cli.app, ["deployments"])
    assert printed.exit_code == 0
    assert printed.output == rendered(load(two))


def test_what_is_served_is_what_the_file_says(two: Path) -> None:
    said = entries(rendered(load(two)))
    for one in deployments(load(two)):
        served, entry = serve.served(one), said[one.definition.flow.fn.__name__, one.connection]
        assert served.full_name == f"{one.definition.flow.name}/{one.connection}"
        assert served.description == entry["description"]
        assert served.tags == entry["tags"]
        assert served.parameters == entry["parameters"]
        assert served.concurrency_limit == entry["concurrency_limit"]["limit"]
        assert served.concurrency_options is not None
        assert (
            served.concurrency_options.collision_strategy == entry["concurrency_limit"]["collision_strategy"]
        )
        schedules = [
            {"slug": each.slug, **each.schedule.model_dump(mode="json", exclude_unset=True)}
            for each in served.schedules or []
        ]
        assert schedules == entry.get("schedules", [])
