"""What the Prefect UI shows and answers to those who start runs by hand."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from prefect import Flow
from prefect.client.schemas.objects import State
from prefect.flows import load_flow_from_entrypoint
from prefect.utilities.callables import parameter_schema

from deployments.definitions import DEFINITIONS
from deployments.sandbox.server import Sandbox
from flows.backfill import backfill
from flows.invoice_import import invoice_import
from flows.order_export import order_export
from flows.reconciliation import reconciliation
from tests.support import Connect

ROOT = Path(__file__).parents[2]
FLOWS = [pytest.param(definition.flow, id=definition.flow.name) for definition in DEFINITIONS]
FREE_TEXTS = {"run", "asked_by", "backfill_id"}
EARLY, LATE = date(2026, 10, 1), date(2026, 10, 31)


def fields(flow: Flow[..., Any]) -> dict[str, dict[str, Any]]:
    """The fields of the form, with what they refer to."""
    definitions = flow.parameters.definitions
    return {
        name: definitions.get(field.get("$ref", "").rpartition("/")[2], {}) | field
        for name, field in flow.parameters.properties.items()
    }


@pytest.mark.parametrize("flow", FLOWS)
def test_titles_and_help_texts_are_for_people(flow: Flow[..., Any]) -> None:
    for name, field in fields(flow).items():
        assert field["title"] == name.replace("_", " ").capitalize()
        assert field["description"].endswith("."), name


@pytest.mark.parametrize("flow", FLOWS)
def test_dates_are_dates_and_choices_are_choices(flow: Flow[..., Any]) -> None:
    """A field that offered "None" beside a date would be an `anyOf`."""
    for name, field in fields(flow).items():
        assert field["type"] in {"string", "boolean", "array"}, name
        assert (field.get("format") == "date") == ("date" in name.split("_")), name
        assert "enum" in field or "format" in field or field["type"] != "string" or name in FREE_TEXTS, name


@pytest.mark.parametrize("flow", FLOWS)
def test_what_prefect_deploys_is_the_same_form(flow: Flow[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    loaded = load_flow_from_entrypoint(f"{flow.fn.__module__.replace('.', '/')}.py:{flow.fn.__name__}")
    assert parameter_schema(loaded) == flow.parameters


def test_a_connection_is_one_of_those_there_are() -> None:
    assert fields(order_export)["connection"]["enum"] == ["sandbox"]


@pytest.mark.parametrize(
    ("flow", "asked", "said"),
    [
        pytest.param(
            order_export,
            {"order_date_from": LATE, "order_date_to": EARLY},
            "The window ends (2026-10-01) before it begins (2026-10-31): swap the two dates.",
            id="export backwards",
        ),
        pytest.param(
            order_export,
            {"order_date_from": date(26, 10, 1)},
            "The date 0026-10-01 is hardly meant: give one of the years 2000 to",
            id="export of antiquity",
        ),
        pytest.param(
            reconciliation,
            {"date_from": EARLY},
            "A period has a first and a last date: give both, or none.",
            id="half a period",
        ),
        pytest.param(
            reconciliation,
            {"date_from": EARLY, "date_to": date(2206, 10, 31)},
            "The date 2206-10-31 is hardly meant",
            id="reconciliation of the future",
        ),
        pytest.param(
            backfill,
            {"date_from": LATE, "date_to": EARLY},
            "The range ends (2026-10-01) before it begins (2026-10-31): swap the two dates.",
            id="backfill backwards",
        ),
    ],
)
def test_bad_dates_end_the_run_by_a_sentence(
    sandbox: Sandbox, connect: Connect, flow: Flow[..., Any], asked: dict[str, Any], said: str
) -> None:
    connect()
    state: State[Any] = flow(**asked, return_state=True)
    assert (state.type.value, state.name) == ("FAILED", "BadParameters")
    assert str(state.message).startswith(said)


def test_a_connection_that_is_not_there_ends_the_run_by_a_sentence(
    sandbox: Sandbox, connect: Connect
) -> None:
    connect()
    state: State[Any] = invoice_import(connection="sandpit", return_state=True)
    assert (state.type.value, state.name) == ("FAILED", "SettingsError")
    assert 'has no connection "sandpit"; it has sandbox.' in str(state.message)


def test_a_deployment_works_for_no_other_connection(
    sandbox: Sandbox, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect()
    monkeypatch.setenv("PREFECT__RUNTIME__DEPLOYMENT__NAME", "sandbox")
    state: State[Any] = invoice_import(connection="other", return_state=True)
    assert (state.type.value, state.name) == ("FAILED", "BadParameters")
    assert (
        state.message
        == 'This deployment works for the connection "sandbox"; start the one that is named "other".'
    )
