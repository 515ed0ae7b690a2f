from pathlib import Path

import pytest

from tests.connections.files import Write


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(text: str) -> Path:
        path = tmp_path / "connections.toml"
        path.write_text(text)
        return path

    return written
