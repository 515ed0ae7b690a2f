"""Figures as people read them: what was measured, what was wanted, whether it holds."""

from collections.abc import Iterable
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

WIDTH = 120


@dataclass(frozen=True)
class Figure:
    """One line of the table. `held` is None where a figure is only shown, and nothing is wanted of it."""

    name: str
    measured: str
    wanted: str = ""
    held: bool | None = None


def at_most(name: str, measured: float, wanted: float, unit: str = "", digits: int = 0) -> Figure:
    """A figure with a ceiling."""
    shown = f"{measured:,.{digits}f}{unit}"
    return Figure(name, shown, f"at most {wanted:,}{unit}", measured <= wanted)


def at_least(name: str, measured: float, wanted: float, unit: str = "", digits: int = 0) -> Figure:
    """A figure with a floor."""
    shown = f"{measured:,.{digits}f}{unit}"
    return Figure(name, shown, f"at least {wanted:,}{unit}", measured >= wanted)


def exactly(name: str, measured: int, wanted: int) -> Figure:
    """A figure that must be met."""
    return Figure(name, f"{measured:,}", f"{wanted:,}", measured == wanted)


def seconds(name: str, measured: float) -> Figure:
    """A time; nothing is wanted of it alone."""
    return Figure(name, f"{measured:,.1f} s")


def show(figures: Iterable[Figure], title: str) -> None:
    """Print the table."""
    table = Table(title=title, title_justify="left")
    table.add_column("figure", overflow="fold")
    table.add_column("measured", justify="right", no_wrap=True)
    table.add_column("wanted", justify="right", no_wrap=True)
    table.add_column("held")
    for figure in figures:
        held = {None: "", True: "yes", False: "NO"}[figure.held]
        table.add_row(figure.name, figure.measured, figure.wanted, held)
    Console(width=WIDTH).print(table)
