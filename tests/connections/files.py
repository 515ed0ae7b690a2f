"""Settings files, and what is said of them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tasks.connections.settings import SANDBOX_FILE, load
from tasks.domain.errors import SettingsError

SANDBOX = SANDBOX_FILE.read_text()

Write = Callable[[str], Path]


def mistakes(path: Path) -> list[str]:
    """What is said of a file, without the file's own name."""
    with pytest.raises(SettingsError) as refused:
        load(path)
    assert str(refused.value) == "\n".join(map(str, refused.value.mistakes))
    return [str(mistake).removeprefix(str(path)) for mistake in refused.value.mistakes]


def line_with(text: str, wanted: str) -> int:
    return next(n for n, line in enumerate(text.splitlines(), 1) if wanted in line)
