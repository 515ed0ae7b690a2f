"""Documents in SQLite: JSON bodies with indexed columns, in a file or in memory."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from deployments.sandbox.codec import Json, decode, encode

COLUMNS = [
    "number",
    "name",
    "type",
    "status",
    "owner",
    "date",
    "due",
    "reference",
    "client",
    "amount_due",
    "amount_paid",
    "total",
    "updated",
]

_SCHEMA = f"""
create table if not exists documents (
    tenant text not null, kind text not null, id text not null, {", ".join(COLUMNS)}, body text not null,
    primary key (tenant, kind, id));
create index if not exists by_updated on documents (tenant, kind, updated, id);
create index if not exists by_number on documents (tenant, kind, number);
create index if not exists by_name on documents (tenant, kind, name);
create index if not exists by_owner on documents (tenant, kind, owner);
create index if not exists by_status on documents (tenant, kind, status, id);
create table if not exists replies (
    client text, key text, request text, at real, status int, headers blob, body blob,
    primary key (client, key));
create index if not exists replies_by_age on replies (at);
create table if not exists facts (name text primary key, value blob);
"""
# What the planner would learn from a full store; untold, it walks an index in order instead of looking up.
_STATISTICS = """
analyze;
delete from sqlite_stat1 where tbl = 'documents';
insert into sqlite_stat1 (tbl, idx, stat) values
    ('documents', 'sqlite_autoindex_documents_1', '1000000 500000 250000 1'),
    ('documents', 'by_updated', '1000000 500000 250000 20 1'),
    ('documents', 'by_number', '1000000 500000 250000 2'),
    ('documents', 'by_name', '1000000 500000 250000 2'),
    ('documents', 'by_owner', '1000000 500000 250000 50'),
    ('documents', 'by_status', '1000000 500000 250000 60000 1');
analyze sqlite_schema;
"""
_TABLES = ("documents", "replies", "facts")
_NAMES, _PLACES = ", ".join(COLUMNS), ", ".join("?" * len(COLUMNS))
_PUT = f"insert or replace into documents (tenant, kind, id, {_NAMES}, body) values (?, ?, ?, {_PLACES}, ?)"  # noqa: S608

Index = Callable[[str, Json], Mapping[str, Any]]


class Filter(NamedTuple):
    """A piece of SQL with its values; `&` joins two."""

    sql: str = "1"
    values: tuple[Any, ...] = ()

    def __and__(self, other: "Filter") -> "Filter":
        return Filter(f"({self.sql}) and ({other.sql})", self.values + other.values)

    @classmethod
    def among(cls, column: str, values: Iterable[Any]) -> "Filter":
        """The column holds one of `values`."""
        wanted = tuple(values)
        return cls(f"{column} in ({', '.join('?' * len(wanted))})", wanted)


class Watch(Protocol):
    """Who is told of changes."""

    def see(self, tenant: str, kind: str, body: Json) -> Any | None:
        """What is to be told of a document that is about to be stored; None if nothing is."""

    def tell(self, notices: list[Any]) -> None:
        """What was seen is carried out."""


class Store:
    """One system's state. `index` says which columns a body of a kind fills, the key `id` included."""

    def __init__(self, path: Path | None, index: Index) -> None:
        self._index = index
        self._depth = 0
        self._notices: list[Any] = []
        self.watch: Watch | None = None
        self._db = sqlite3.connect(path or ":memory:", isolation_level=None, check_same_thread=False)
        self._db.executescript("pragma journal_mode=wal; pragma synchronous=off; pragma cache_size=-32000;")
        self._db.executescript(_SCHEMA)
        self._db.executescript(_STATISTICS)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; may be nested, and then the inner one alone can fail."""
        name = f"level{self._depth}"
        self._db.execute("begin" if self._depth == 0 else f"savepoint {name}")
        self._depth += 1
        seen = len(self._notices)
        try:
            yield
        except BaseException:
            self._depth -= 1
            del self._notices[seen:]
            self._db.execute("rollback" if self._depth == 0 else f"rollback to {name}")
            raise
        self._depth -= 1
        self._db.execute("commit" if self._depth == 0 else f"release {name}")
        self._tell()

    def _tell(self) -> None:
        if self._notices and self._depth == 0:
            notices, self._notices = self._notices, []
            if self.watch is not None:
                self.watch.tell(notices)

    def run(self, sql: str, values: tuple[Any, ...] = ()) -> sqlite3.Cursor:
        """Plain SQL, for the few tables beside the documents."""
        return self._db.execute(sql, values)

    def put(self, tenant: str, kind: str, body: Json, *, quiet: bool = False) -> None:
        """Insert or replace one document; `quiet`: nobody is told."""
        if (
            self.watch is not None
            and not quiet
            and (notice := self.watch.see(tenant, kind, body)) is not None
        ):
            self._notices.append(notice)
        columns = self._index(kind, body)
        row = [tenant, kind, columns["id"], *(columns.get(name) for name in COLUMNS), encode(body).decode()]
        self._db.execute(_PUT, row)
        self._tell()

    def get(self, tenant: str, kind: str, key: str) -> Json | None:
        """A document by id."""
        return self.first(tenant, kind, Filter("id = ?", (key,)))

    def first(self, tenant: str, kind: str, where: Filter) -> Json | None:
        """The first document that fits."""
        return next(iter(self.find(tenant, kind, where, "+updated, +id", limit=1)), None)

    def find(
        self,
        tenant: str,
        kind: str,
        where: Filter = Filter(),  # noqa: B008 - a NamedTuple does not change
        order: str = "updated, id",
        limit: int = -1,
        offset: int = 0,
    ) -> list[Json]:
        """Documents in an order."""
        rows = self._db.execute(
            f"select body from documents where tenant = ? and kind = ? and {where.sql} "  # noqa: S608 - ours
            f"order by {order} limit ? offset ?",
            (tenant, kind, *where.values, limit, offset),
        )
        return [decode(body) for (body,) in rows]

    def count(self, tenant: str, kind: str, where: Filter = Filter()) -> int:  # noqa: B008 - as above
        """How many documents fit."""
        sql = f"select count(*) from documents where tenant = ? and kind = ? and {where.sql}"  # noqa: S608
        return int(self._db.execute(sql, (tenant, kind, *where.values)).fetchone()[0])

    def delete(self, tenant: str, kind: str, key: str) -> None:
        """Forget a document."""
        self._db.execute(
            "delete from documents where tenant = ? and kind = ? and id = ?", (tenant, kind, key)
        )

    def counts(self) -> dict[str, int]:
        """Documents by tenant and kind."""
        rows = self._db.execute("select tenant, kind, count(*) from documents group by 1, 2")
        return {f"{tenant} {kind}".strip(): count for tenant, kind, count in rows}

    def fact(self, name: str) -> Any:
        """A remembered value, or None."""
        row = self._db.execute("select value from facts where name = ?", (name,)).fetchone()
        return decode(row[0]) if row else None

    def remember(self, name: str, value: Any) -> None:
        """Set a value for `fact`."""
        self._db.execute("insert or replace into facts values (?, ?)", (name, encode(value)))

    def forget(self, name: str) -> None:
        """Unset a value for `fact`."""
        self._db.execute("delete from facts where name = ?", (name,))

    def clear(self) -> None:
        """Empty everything."""
        for table in _TABLES:
            self._db.execute(f"delete from {table}")  # noqa: S608 - the names stand above
