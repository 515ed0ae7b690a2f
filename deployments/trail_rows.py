"""Rows of the audit trail, as people read them in the terminal."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from rich.console import Console

from tasks.domain.errors import LedgerError
from tasks.ledger.trail import inflated

_FACTS = ("run_id", "revision", "rules", "document_id")


def readable(rows: Iterable[Mapping[Any, Any]]) -> list[dict[str, Any]]:
    """Rows with their contents, or with the reason why there is none."""
    return [{**row, "content": _content(row["content"])} for row in rows]


def show_rows(console: Console, rows: Sequence[Mapping[str, Any]]) -> None:
    """Print each row: when and what, the run and the revision, and its content."""
    for row in rows:
        title = f"{row['number']}  {row['at']}  {row['event']}  {row['subject']} {row['subject_id']}"
        console.print(title, style="bold", markup=False, highlight=False, soft_wrap=True)
        line = ", ".join(f"{name} {row[name]}" for name in _FACTS if row[name])
        console.print(f"    {line}", markup=False, highlight=False, soft_wrap=True)
        console.print(text_of(row["content"], 2), markup=False, highlight=False, soft_wrap=True)


def text_of(value: Any, indent: int = 1) -> str:
    """JSON that people can read."""
    return msgspec.json.format(msgspec.json.encode(value), indent=indent).decode()


def _content(content: bytes | None) -> Any:
    if content is None:
        return "erased, or past its term"
    try:
        return inflated(content)
    except LedgerError as error:
        return str(error)
