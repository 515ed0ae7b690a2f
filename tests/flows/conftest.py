"""Flows run on Prefect's own harness, started once."""

import warnings
from collections.abc import Iterator

import pytest
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
from prefect.testing.utilities import prefect_test_harness

from deployments.sandbox.server import Sandbox, running


@pytest.fixture(scope="session", autouse=True)
def prefect_server() -> Iterator[None]:
    """A server for all flow tests."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with (
            prefect_test_harness(server_startup_timeout=120),
            temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}),
        ):
            yield


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """One a test: what Prefect remembers of the organisation at one address is not another's."""
    with running() as both:
        yield both
