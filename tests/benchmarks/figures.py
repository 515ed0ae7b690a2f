"""Figures as people read them: what was measured, what was wanted, whether it holds."""

from collections.abc import Iterable
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Figure:
    """One line of the table. `held` is None where a figure is only shown, and nothing is wanted of it."""

    name: str
    measured: str
    wanted: str = ""
    held: bool | None = None


def at_most(name: str, measured: float, wanted: float, unit: str = "", digits: int = 0) -> Figure:
    """A figure with a ceiling."""
    shown, ceiling = (f"{value:,.{digits}f}{unit}" for value in (measured, wanted))
    return Figure(name, shown, f"at most {ceiling}", measured <= wanted)


def exactly(name: str, measured: int, wanted: int) -> Figure:
    """A figure that must be met."""
    return Figure(name, f"{measured:,}", f"{wanted:,}", measured == wanted)


def show(figures: Iterable[Figure], title: str) -> None:
    """Print the table."""
    table = Table("figure", "measured", "wanted", "held", title=title, title_justify="left")
    for name, style in (("measured", "right"), ("wanted", "right")):
        next(column for column in table.columns if column.header == name).justify = style  # type: ignore[assignment]
    for figure in figures:
        held = {None: "", True: "yes", False: "NO"}[figure.held]
        table.add_row(figure.name, figure.measured, figure.wanted, held)
    Console(width=None if Console().is_terminal else 120).print(table)
