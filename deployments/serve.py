"""One process that serves all flows: what is scheduled or started in the Prefect UI runs here."""

from typing import cast

from prefect import serve
from prefect.deployments.runner import RunnerDeployment

from flows.order_export import order_export


def main() -> None:
    """Register the deployments and wait for runs, until it is ended."""
    deployment = order_export.to_deployment(
        name="order-export",
        description="Orders confirmed in Monstock become documents in Xero, once each.",
        tags=["monstock-xero"],
    )
    serve(cast("RunnerDeployment", deployment))


if __name__ == "__main__":
    main()
