"""The chain: what belongs together stands together, and nothing of it can be changed unseen."""

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, update

from tasks.domain.errors import LedgerError
from tasks.domain.orders import Kind
from tasks.domain.outcomes import OrderState
from tasks.ledger.claims import Outcome
from tasks.ledger.database import Database
from tasks.ledger.keyring import Keyring
from tasks.ledger.schema import trail, trail_heads
from tasks.ledger.standing import Standing
from tasks.ledger.trail import CHAINED, KEY, Entry, Trail, inflated
from tasks.ledger.verifying import Verification, What, known
from tests.ledger.appender import ROWS, append
from tests.ledger.given import attempts, claim, orders, settled, store

ROOT = Path(__file__).parents[2]
FORGED = {
    "content": b"{}",
    "mac": "f" * 64,
    "content_mac": "0" * 64,
}


def filled(database: Database, rows: int = 5) -> Trail:
    """A chain of rows, each with its own content."""
    chain = Trail(database, "shop")
    for n in range(rows):
        content = {"request": {"number": n}, "answer": {"name": f"Customer {n}"}}
        chain.note(Entry("written", "customer", f"co-{n}", "r1", "rules", f"doc-{n}", content), "run")
    return chain


def broken(chain: Trail, *published: tuple[int, str]) -> list[tuple[int, What]]:
    return [(found.number, found.what) for found in Verification(chain, published).breaks()]


def row(chain: Trail, number: int) -> dict[str, Any]:
    with chain.database.engine.connect() as tx:
        return dict(tx.execute(select(trail).where(trail.c.number == number)).mappings().one())


def change(database: Database, number: int, /, **values: Any) -> None:
    with database.begin() as tx:
        tx.execute(update(trail).where(trail.c.number == number).values(**values))


def remove(database: Database, *numbers: int) -> None:
    with database.begin() as tx:
        tx.execute(delete(trail).where(trail.c.number.in_(numbers)))


def test_a_chain_that_nobody_touched_is_whole(database: Database) -> None:
    chain = filled(database)
    walk = Verification(chain, [(n, row(chain, n)["mac"]) for n in (5, 2)])
    assert list(walk.breaks()) == []
    assert (walk.rows, walk.head) == (5, chain.head())
    assert chain.head() == (5, row(chain, 5)["mac"])


def test_each_connection_has_a_chain_of_its_own(database: Database) -> None:
    filled(database, 2)
    other = Trail(database, "other")
    other.note(Entry("connected", "connection", "other"), "person: Ada")
    assert other.head().number == 1
    assert broken(other) == []


def test_an_empty_chain_is_whole_and_has_no_head(database: Database) -> None:
    chain = Trail(database, "shop")
    assert (chain.head().number, broken(chain)) == (0, [])


def test_a_row_and_what_it_tells_of_stand_together_or_not_at_all(database: Database) -> None:
    chain = filled(database, 1)

    def fail_after_appending() -> None:
        with chain.begin() as tx:
            chain.append(tx, [Entry("written", "customer", "co-9")], "run")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_after_appending()
    assert (chain.head().number, broken(chain)) == (1, [])


@pytest.mark.parametrize(
    "column", [c for c in (*CHAINED, "mac", "content") if c not in {"connection", "number"}]
)
def test_whatever_is_changed_in_a_row_is_found_at_that_row(database: Database, column: str) -> None:
    chain = filled(database)
    for number in (1, 3, 5):
        present = row(chain, number)[column]
        forged = present.replace(year=2001) if column == "at" else FORGED.get(column, "forged")
        change(database, number, **{column: forged})
        found = broken(chain)
        assert {n for n, _ in found} == {number}
        assert ((number, What.changed) in found) is (column != "content")
        assert ((number, What.content_changed) in found) is column.startswith("content")
        change(database, number, **{column: present})
    assert broken(chain) == []


@pytest.mark.parametrize(("number", "found"), [(3, What.missing), (5, What.cut)])
def test_a_row_that_is_given_to_another_connection_is_missed(
    database: Database, number: int, found: What
) -> None:
    chain = filled(database)
    change(database, number, connection="elsewhere")
    assert broken(chain) == [(number, found)]


@pytest.mark.parametrize("column", ["revision", "rules", "document_id"])
def test_a_fact_that_is_emptied_is_found(database: Database, column: str) -> None:
    chain = filled(database)
    change(database, 2, **{column: None})
    assert broken(chain) == [(2, What.changed)]


@pytest.mark.parametrize(
    ("numbers", "found"),
    [
        ([1], [(1, What.missing)]),
        ([3], [(3, What.missing)]),
        ([2, 3], [(2, What.missing)]),
        ([2, 4], [(2, What.missing), (4, What.missing)]),
        ([5], [(5, What.cut)]),
        ([4, 5], [(4, What.cut)]),
        ([1, 2, 3, 4, 5], [(1, What.cut)]),
    ],
)
def test_rows_that_are_removed_are_named(
    database: Database, numbers: list[int], found: list[tuple[int, What]]
) -> None:
    chain = filled(database)
    remove(database, *numbers)
    assert broken(chain) == found


@pytest.mark.parametrize("number", [0, 6])
def test_a_row_that_is_put_in_is_found(database: Database, number: int) -> None:
    chain = filled(database)
    with database.begin() as tx:
        tx.execute(insert(trail).values(**{**row(chain, 3), "number": number}))
    found = broken(chain)
    assert (number, What.inserted) in found
    assert {n for n, _ in found} == {number}


def test_a_row_that_is_put_in_the_middle_shows_at_its_place_and_at_all_it_moved(database: Database) -> None:
    chain = filled(database)
    with database.begin() as tx:
        for number in (5, 4, 3):
            tx.execute(update(trail).where(trail.c.number == number).values(number=number + 1))
        tx.execute(insert(trail).values(**{**row(chain, 2), "number": 3}))
        tx.execute(update(trail_heads).values(number=6))
    assert {n for n, _ in broken(chain)} == {3, 4, 5, 6}


def test_rows_that_change_places_are_both_named(database: Database) -> None:
    chain = filled(database)
    second, fourth = row(chain, 2), row(chain, 4)
    change(database, 2, **{**fourth, "number": 2})
    change(database, 4, **{**second, "number": 4})
    found = broken(chain)
    assert {(2, What.changed), (4, What.changed)} <= set(found)
    assert {(2, What.content_changed), (4, What.content_changed)} <= set(found)


def test_contents_that_change_places_are_both_named(database: Database) -> None:
    chain = filled(database)
    second, fourth = row(chain, 2), row(chain, 4)
    for number, other in ((2, fourth), (4, second)):
        change(database, number, content=other["content"])
    assert broken(chain) == [(2, What.content_changed), (4, What.content_changed)]
    for number, other in ((2, fourth), (4, second)):
        change(database, number, content_mac=other["content_mac"])
    assert {n for n, _ in broken(chain)} == {2, 4}


def test_neighbours_that_are_both_changed_are_both_named(database: Database) -> None:
    chain = filled(database)
    for number in (2, 3):
        change(database, number, event="held", mac="f" * 64)
    assert {(2, What.changed), (3, What.changed)} <= set(broken(chain))


def test_a_content_that_is_emptied_by_hand_is_found(database: Database) -> None:
    chain = filled(database)
    for number in (2, 3, 5):
        change(database, number, content=None)
    assert broken(chain) == [(2, What.content_missing), (5, What.content_missing)]


def set_back(database: Database, chain: Trail) -> None:
    """Cut two rows, and let the head forget them too: consistent in itself."""
    third = row(chain, 3)["mac"]
    remove(database, 4, 5)
    with database.begin() as tx:
        tx.execute(update(trail_heads).values(number=3, mac=third))


def test_a_tail_that_is_cut_with_its_head_shows_by_a_head_that_was_published(database: Database) -> None:
    chain = filled(database)
    published = chain.head()
    set_back(database, chain)
    assert broken(chain) == []
    assert broken(chain, published) == [(4, What.cut)]
    filled(database, 2)
    assert broken(chain, published) == [(5, What.not_as_published)]


def test_every_head_that_was_published_is_held_against_the_trail(database: Database) -> None:
    chain = filled(database)
    right = chain.head()
    assert broken(chain, right, right) == []
    for heads in ([(5, "f" * 64), right], [right, (5, "f" * 64)]):
        assert broken(chain, *heads) == [(5, What.not_as_published)]


def wrote(database: Database) -> None:
    attempt = store(attempts(database), claim())
    assert attempt is not None
    attempts(database).settle(attempt, [settled(claim())], "answered", "run")


def refused(database: Database) -> None:
    attempt = store(attempts(database), claim())
    assert attempt is not None
    attempts(database).settle(attempt, [settled(claim(), Outcome.rejected)], "answered", "run")


def held(database: Database) -> None:
    row = Standing(Kind.customer, "1", "CO-1", "r1", OrderState.held, "2026", payload="{}")
    orders(database).take_in([row], "run", None, None)


@pytest.mark.parametrize("head", [None, 0])
@pytest.mark.parametrize("work", [wrote, refused, held])
def test_a_trail_that_is_emptied_with_its_head_is_missed_where_there_was_work(
    database: Database, work: Callable[[Database], None], head: int | None
) -> None:
    work(database)
    chain = Trail(database, "shop")
    assert broken(chain) == []
    with database.begin() as tx:
        tx.execute(delete(trail))
        tx.execute(delete(trail_heads))
        if head is not None:
            tx.execute(insert(trail_heads).values(connection="shop", number=head, mac=""))
    assert broken(chain) == [(1, What.emptied)]
    assert broken(Trail(database, "other")) == []
    assert known(database) == {"shop"}


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({"mac": "f" * 64}, [(5, What.head_rewritten)]),
        ({"number": 3}, [(4, What.inserted), (3, What.head_rewritten)]),
        ({"number": 9}, [(6, What.cut)]),
    ],
)
def test_a_head_that_is_rewritten_is_found(
    database: Database, values: dict[str, Any], found: list[tuple[int, What]]
) -> None:
    chain = filled(database)
    with database.begin() as tx:
        tx.execute(update(trail_heads).values(**values))
    assert broken(chain) == found


def test_a_head_that_is_removed_leaves_rows_that_nothing_vouches_for(database: Database) -> None:
    chain = filled(database)
    with database.begin() as tx:
        tx.execute(delete(trail_heads))
    assert broken(chain) == [(1, What.inserted)]


def test_without_its_key_a_trail_is_neither_checked_nor_continued(database: Database) -> None:
    filled(database, 1)
    with database.begin() as tx:
        tx.exec_driver_sql("delete from keys")
    again = Database(database.engine.url.render_as_string(hide_password=False))
    with pytest.raises(LedgerError, match="The audit trail's key is gone"):
        broken(Trail(again, "shop"))
    with pytest.raises(LedgerError, match="Restore that table from a backup"):
        filled(again, 1)
    again.close()


def test_the_key_lies_in_the_ledger_sealed(database: Database) -> None:
    key = filled(database, 1).key()
    assert Keyring(database).named(KEY) == key
    with database.engine.connect() as tx:
        assert key not in tx.exec_driver_sql("select sealed from keys").scalar_one()


def test_a_content_reads_as_it_was_written(database: Database) -> None:
    chain = filled(database, 2)
    assert [inflated(r["content"])["request"] for r in chain.of([("customer", "co-1")])] == [{"number": 1}]


def in_threads(database: Database) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda name: append(database, name), "abcd"))


def in_processes(database: Database) -> None:
    url = database.engine.url.render_as_string(hide_password=False)
    command = [sys.executable, "-m", "tests.ledger.appender", url]
    with ExitStack() as started:
        racers = [
            started.enter_context(Popen([*command, name], cwd=ROOT, stdin=PIPE, stdout=PIPE))
            for name in "abcd"
        ]
        for racer in racers:
            assert racer.stdout
            racer.stdout.readline()
        for racer in racers:
            assert racer.stdin
            racer.stdin.close()
        assert [racer.wait() for racer in racers] == [0] * 4


@pytest.mark.parametrize("race", [in_threads, in_processes])
def test_many_that_append_at_once_leave_one_unbroken_chain(
    database: Database, race: Callable[[Database], None]
) -> None:
    race(database)
    chain = Trail(database, "shop")
    walk = Verification(chain)
    assert list(walk.breaks()) == []
    assert walk.rows == chain.head().number == 4 * ROWS
    for name in "abcd":
        ids = [found["subject_id"] for found in chain.of([("customer", f"{name}-{n}") for n in range(ROWS)])]
        assert ids == [f"{name}-{n}" for n in range(ROWS)]
