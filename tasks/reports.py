"""Steps that tell people what a run did: artifacts for the Prefect UI."""

import logging
from datetime import UTC, datetime

from prefect import task
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE

from tasks.connections.connection import Connection, open_connection
from tasks.exporting.outcome import Calls, Outcome, summarise
from tasks.exporting.plan import Plan
from tasks.exporting.preview import Preview, preview
from tasks.exporting.run import Tally
from tasks.importing.outcome import ImportOutcome, Read
from tasks.importing.outcome import summarise as summarise_import
from tasks.ledger.forgetting import expire
from tasks.ledger.standing import Scope
from tasks.ledger.trail import told

log = logging.getLogger(__name__)


@task(name="publish-outcome", cache_policy=NO_CACHE)
def publish_outcome(connection: str, scope: Scope, tally: Tally, before: Calls, run_id: str) -> Outcome:
    """A table of what happened and, with cause and advice, of every order that is held or was rejected.

    Its text names the head of the audit trail, whose contents past their term are emptied just before.
    """
    opened = open_connection(connection)
    expire(opened.trail, opened.bodies_kept_since(datetime.now(UTC)), run_id)
    outcome = summarise(opened, scope, tally, Calls.so_far(opened).since(before), run_id)
    create_table_artifact(
        key=f"order-export-{connection}",
        table=[*outcome.problems, *outcome.warnings, *outcome.before_cutover]
        or [{"state": "nothing is held or rejected"}],
        description=outcome.markdown(),
    )
    return outcome


@task(name="publish-import", cache_policy=NO_CACHE)
def publish_import(connection: str, read: Read, before: Calls, run_id: str) -> ImportOutcome:
    """What was read and shown, as a table with the head of the audit trail."""
    opened = open_connection(connection)
    expire(opened.trail, opened.bodies_kept_since(datetime.now(UTC)), run_id)
    outcome = summarise_import(opened, read, before)
    create_table_artifact(
        key=f"invoice-import-{connection}", table=outcome.table(), description=outcome.markdown()
    )
    return outcome


@task(name="publish-dry-run", cache_policy=NO_CACHE)
def publish_dry_run(connection: str, plans: list[Plan], *, drafts_only: bool) -> Preview:
    """The exact requests that a run would send, and the totals Xero is predicted to answer. Nothing is written."""
    opened = open_connection(connection)
    shown = preview(opened, plans, drafts_only=drafts_only)
    head = told(connection, opened.trail.head())
    create_markdown_artifact(
        key=f"order-export-dry-run-{connection}", markdown=f"{shown.markdown()}\n\n{head}"
    )
    return shown


def publish_head(connection: Connection) -> None:
    """The head of the audit trail alone: for a run that ends by an error. Raises nothing, whatever is wrong."""
    try:
        head = told(connection.name, connection.trail.head())
        create_markdown_artifact(key=f"audit-head-{connection.name}", markdown=head)
    except Exception as error:
        log.warning(
            "The audit trail's head of %s was not published (%s).", connection.name, type(error).__name__
        )
