"""One process that serves all flows of all connections: what is due, or started in the Prefect UI, runs here."""

from typing import cast

from prefect import serve
from prefect.client.schemas.objects import ConcurrencyLimitConfig
from prefect.deployments.runner import RunnerDeployment

from deployments.automations import watch
from deployments.definitions import WAIT, Deployed, deployments
from tasks.connections.settings import load


def main() -> None:
    """Register the deployments and wait for runs, until it is ended. Runs that a killed one left are ended as Crashed.

    Its end pauses nothing, so that what is paused is what a person has paused. No run waits for another
    deployment's: there is room for as many as all may have at once.
    """
    watch()
    every = list(deployments(load()))
    room = sum(one.definition.at_once for one in every)
    serve(*map(served, every), pause_on_shutdown=False, limit=room)


def served(one: Deployed) -> RunnerDeployment:
    """A deployment that this process runs."""
    deployment = one.definition.flow.to_deployment(
        name=one.connection,
        description=one.definition.description,
        tags=one.tags,
        parameters=one.parameters,
        schedules=one.schedules,
        concurrency_limit=ConcurrencyLimitConfig(limit=one.definition.at_once, collision_strategy=WAIT),
    )
    return cast("RunnerDeployment", deployment)


if __name__ == "__main__":
    main()
