"""A person at the terminal and at the browser, and what they look at afterwards."""

import threading
from collections.abc import Callable
from pathlib import Path

import httpx
from typer.testing import Result

from tasks.connections.connection import Connection, open_connection
from tasks.domain.errors import MonstockXeroError

Run = Callable[..., Result]
FIRST, OTHER = "Sandbox Trading Ltd", "Someone Else Ltd"
# The file names no organisation.
UNNAMED = {"tenant_id =": "# tenant_id =", "tenant_name =": "# tenant_name ="}


class Browser:
    """Follows the address of the consent in a thread, as `webbrowser.open` does; `more` is what a person does there."""

    def __init__(self) -> None:
        self.more = "approve=true"
        self.opened = 0
        self.page = ""
        self._threads: list[threading.Thread] = []

    def open(self, address: str) -> bool:
        self.opened += 1
        self._threads.append(threading.Thread(target=self._follow, args=(address,)))
        self._threads[-1].start()
        return True

    def _follow(self, address: str) -> None:
        with httpx.Client(trust_env=False, verify=False, follow_redirects=True) as client:
            self.page = client.get(self.changed(address)).text

    def changed(self, address: str) -> str:
        return f"{address}&{self.more}"

    def close(self) -> None:
        for thread in self._threads:
            thread.join(10)


def add_connection(tmp_path: Path, name: str, prefix: str) -> Connection:
    """Another one of the same app, over another account."""
    file = tmp_path / "connections.toml"
    text = file.read_text()
    first = text[text.index("[connections.sandbox]") :].split("[connections.web]")[0]
    more = first.replace("connections.sandbox", f"connections.{name}").replace('"MS-"', f'"{prefix}"')
    more = more.replace("SANDBOX_MONSTOCK_KEY", f"{name.upper()}_MONSTOCK_KEY")
    file.write_text(text + more)
    return open_connection(name)


def failed(result: Result, kind: type[MonstockXeroError]) -> str:
    assert isinstance(result.exception, kind), (result.output, result.exception)
    return str(result.exception)


def name_of(connection: Connection) -> str:
    """The organisation that answers."""
    return str(connection.xero.organisation()["Name"])
