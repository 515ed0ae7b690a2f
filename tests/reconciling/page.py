"""A page as a reader has it: its tables, its links, its text."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

VOID = {"meta", "input", "br", "link", "img", "hr", "path", "rect"}


@dataclass
class Table:
    """Rows of cells' texts, the heads of columns among them, each with the class of its row."""

    id: str
    rows: list[list[str]] = field(default_factory=list)
    classes: list[str] = field(default_factory=list)

    @property
    def head(self) -> list[str]:
        return self.rows[0]

    def records(self) -> list[dict[str, str]]:
        return [dict(zip(self.head, row, strict=True)) for row in self.rows[1:]]


class Page(HTMLParser):
    """Reads a page; every element must be closed."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tables: dict[str, Table] = {}
        self.links: list[dict[str, str]] = []
        self.meta: list[dict[str, str]] = []
        self.sources: list[str] = []
        self.headings: list[str] = []
        self.text = ""
        self.open: list[str] = []
        self._table: Table | None = None
        source = path.read_text("utf-8")
        self.feed(source)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag not in VOID:
            self.open.append(tag)
        self.sources += [given[name] for name in ("src", "srcset", "data", "action") if name in given]
        self.sources += [name for name in given if name.startswith("on")]
        if tag == "meta":
            self.meta.append(given)
        elif tag == "a":
            self.links.append(given)
        elif tag == "table":
            self._table = self.tables.setdefault(
                given.get("id") or given["class"], Table(given.get("id", ""))
            )
        elif tag == "tr" and self._table:
            self._table.rows.append([])
            self._table.classes.append(given.get("class", ""))
        elif tag in {"td", "th"} and self._table:
            self._table.rows[-1].append("")
        elif tag in {"h1", "h2"}:
            self.headings.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag, tag
        if tag in {"td", "th"} and self._table:
            self._table.rows[-1][-1] = self._table.rows[-1][-1].strip()
        if tag == "table":
            self._table = None

    def handle_data(self, data: str) -> None:
        if {"script", "style"} & set(self.open):
            return
        self.text += data
        if self._table and {"td", "th"} & set(self.open):
            self._table.rows[-1][-1] += data
        if self.open[-1:] and self.open[-1] in {"h1", "h2"}:
            self.headings[-1] += data.strip()
