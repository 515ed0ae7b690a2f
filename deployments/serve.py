"""One process that serves all flows: what is scheduled or started in the Prefect UI runs here."""

from typing import cast

from prefect import serve
from prefect.deployments.runner import RunnerDeployment

from flows.backfill import backfill
from flows.invoice_import import invoice_import
from flows.order_export import order_export
from flows.reconciliation import reconciliation
from flows.rollback import rollback


def main() -> None:
    """Register the deployments and wait for runs, until it is ended."""
    deployments = [
        order_export.to_deployment(
            name="order-export",
            description="Orders confirmed in Monstock become documents in Xero, once each.",
            tags=["monstock-xero"],
        ),
        invoice_import.to_deployment(
            name="invoice-import",
            description="What became of documents in Xero shows on their orders in Monstock.",
            tags=["monstock-xero"],
        ),
        reconciliation.to_deployment(
            name="reconciliation",
            description="Both systems side by side, to the cent: what differs, why, and what would end it.",
            tags=["monstock-xero"],
        ),
        rollback.to_deployment(
            name="rollback",
            description="What one export or backfill run made is deleted or voided again; a dry run first.",
            tags=["monstock-xero"],
        ),
        backfill.to_deployment(
            name="backfill",
            description="The orders of a date range, as work that steps back for the daily runs; a forecast first.",
            tags=["monstock-xero"],
        ),
    ]
    serve(*(cast("RunnerDeployment", deployment) for deployment in deployments))


if __name__ == "__main__":
    main()
