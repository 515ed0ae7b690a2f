"""The part of the `monstock-xero` command that backs the ledger up, restores it and upgrades it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from deployments.person import who
from tasks.connections.settings import ledger_url
from tasks.domain.errors import LedgerError
from tasks.ledger import backups, upgrading
from tasks.ledger.database import Database

console = Console()


def upgrade(
    backup: Annotated[
        Path | None,
        typer.Option(help="Where the backup goes; else beside the ledger, named by schema and time."),
    ] = None,
    no_backup: Annotated[
        bool, typer.Option("--no-backup", help="You have made a backup by your own means.")
    ] = False,
) -> None:
    """Bring the ledger to the schema of this version; it is backed up first."""
    if backup and no_backup:
        raise typer.BadParameter("say --backup or --no-backup, not both")
    with _ledger() as database:
        made = None if no_backup else backup or backups.default_file(database)
        done = upgrading.upgrade(database, lambda: backups.back_up(database, made) if made else None)
        address = database.address
    if done.before == done.after:
        _say(f"The ledger at {address} has schema {done.after} already; there is nothing to do.")
    elif done.before is None:
        _say(f"There was no ledger at {address}; there is one now, with schema {done.after}.")
    else:
        _say(f"The ledger at {address} is upgraded from schema {done.before} to {done.after}.")
        if made:
            _say(f"Backup: {made}")
            _say(_WAY_BACK.format(made))


_WAY_BACK = (
    "To go back: end everything that works with the ledger, run `monstock-xero restore --overwrite {}`, and "
    "install the version of before."
)


def backup(
    file: Annotated[
        Path | None, typer.Argument(help="Else beside the ledger, named by schema and time.")
    ] = None,
) -> None:
    """Copy the ledger to a file, while runs go on. Keep the master key too, but elsewhere."""
    with _ledger() as database:
        to = file or backups.default_file(database)
        backups.back_up(database, to)
    _say(f"Backup: {to}")


def restore(
    file: Annotated[Path, typer.Argument(help="A backup that `backup` or `upgrade` made.")],
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the ledger that is there; it is backed up first.")
    ] = False,
) -> None:
    """Make the ledger what it was in a backup. What Xero was sent since is found there by the next export."""
    with _ledger() as database:
        replaced = backups.heads(database)
        before = backups.restore(database, file, overwrite=overwrite)
        if before:
            _say(f"Backup of what was there: {before}")
        _say(f"The ledger at {database.address} is that of {file}, with schema {database.schema()}.")
        try:
            backups.note_restored(database, file, replaced, who())
        except LedgerError as error:
            _say(f"The audit trail could not note it: {error}")
    _say(
        "Run `monstock-xero export` and `monstock-xero import` next: they find in Xero what it has forgotten."
    )


@contextmanager
def _ledger() -> Iterator[Database]:
    database = Database(ledger_url(), as_it_is=True)
    try:
        yield database
    finally:
        database.close()


def _say(sentence: str) -> None:
    console.print(sentence, markup=False, highlight=False, soft_wrap=True)
