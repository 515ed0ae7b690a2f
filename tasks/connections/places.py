"""Finds the line of a setting in a TOML file, so that a mistake can be named with its place."""

import re
from collections.abc import Sequence

_PART = re.compile(r"""[\w-]+|"[^"]*"|'[^']*'""")
_DOTTED = rf"(?:{_PART.pattern})(?:\s*\.\s*(?:{_PART.pattern}))*"
_TABLE = re.compile(rf"^\s*(\[\[?)\s*({_DOTTED})\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(rf"^\s*({_DOTTED})\s*=")


def line_of(text: str, path: Sequence[str | int]) -> int | None:
    """The line of the deepest part of a path that stands in the text; None if none does."""
    best: tuple[int, int] | None = None
    wanted = tuple(path)
    for number, place in _places(text):
        depth = _shared(place, wanted)
        if depth == len(place) and depth and (best is None or depth > best[0]):
            best = (depth, number)
    return best[1] if best else None


def _places(text: str) -> list[tuple[int, tuple[str | int, ...]]]:
    """Every table header and key with its path; arrays of tables are counted."""
    table: tuple[str | int, ...] = ()
    counts: dict[tuple[str | int, ...], int] = {}
    found: list[tuple[int, tuple[str | int, ...]]] = []
    for number, line in enumerate(text.splitlines(), 1):
        if header := _TABLE.match(line):
            table = _parts(header[2])
            if header[1] == "[[":
                index = counts.get(table, 0)
                counts[table] = index + 1
                table = (*table, index)
            found.append((number, table))
        elif key := _KEY.match(line):
            found.append((number, (*table, *_parts(key[1]))))
    return found


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip("\"'") for part in _PART.findall(dotted))


def _shared(place: tuple[str | int, ...], wanted: tuple[str | int, ...]) -> int:
    shared = 0
    for a, b in zip(place, wanted, strict=False):
        if a != b:
            break
        shared += 1
    return shared
