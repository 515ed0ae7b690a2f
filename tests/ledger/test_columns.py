"""Both sides as columns, on both databases: what belongs to a part, and what belongs to what."""

import datetime as dt
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import insert

from tasks.ledger import columns as module
from tasks.ledger import schema
from tasks.ledger.columns import Columns, Part
from tasks.ledger.database import Database
from tests.comparing import given as by_hand
from tests.comparing.given import pair
from tests.ledger.given import attempts, claim, settled, store, take_in

D = dt.date
NOW = dt.datetime(2026, 11, 24, 2, 30, tzinfo=dt.UTC)
SINCE = dt.datetime(2026, 10, 20, tzinfo=dt.UTC)
OCTOBER = Part(D(2026, 10, 1), D(2026, 11, 1))
MOVING = Part(D(2026, 10, 1), D(2026, 11, 1), SINCE)
BEFORE = "2026-10-19T23:59:59.999999Z"


class Rows:
    """Writes rows of a connection."""

    def __init__(self, database: Database, connection: str = "shop") -> None:
        self._database = database
        self._connection = connection

    def _add(self, table: Any, row: dict[str, Any], changes: dict[str, Any]) -> None:
        with self._database.begin() as tx:
            tx.execute(insert(table).values(**{"connection": self._connection, **row, **changes}))

    def order(self, id_: str = "1", **changes: Any) -> None:
        row = {
            "kind": "customer", "order_id": id_, "reference": f"CO-{id_}", "document_date": D(2026, 10, 5),
            "net": "10.00", "gross": "12.00", "revision": "r1", "updated_at": BEFORE, "state": "exported",
            "since": NOW, "run_id": "run", "generation": 1,
        }  # fmt: skip
        self._add(schema.orders, row, changes)

    def document(self, id_: str = "d1", **changes: Any) -> None:
        row = {
            "document_id": id_, "type": "ACCREC", "contact_id": "c", "contact_name": "Acme", "currency": "GBP",
            "total": "12.00", "net": "10.00", "date": D(2026, 10, 5), "status": "PAID", "standing": "linked",
            "modified": "2026-10-19T23:59:59.999+00:00", "before_us": False,
        }  # fmt: skip
        self._add(schema.documents, row, changes)

    def link(self, id_: str = "1", document: str = "d1", **changes: Any) -> None:
        row = {
            "kind": "customer", "order_id": id_, "role": "sale", "generation": 1, "document_id": document,
            "document_type": "invoice", "origin": "made", "status": "AUTHORISED", "revision": "r1",
            "updated_at": NOW, "run_id": "run",
        }  # fmt: skip
        self._add(schema.links, row, changes)

    def match(self, id_: str = "1", document: str = "d1", **changes: Any) -> None:
        row = {
            "kind": "customer", "order_id": id_, "document_id": document, "state": "linked", "reason": "so",
            "since": NOW,
        }  # fmt: skip
        self._add(schema.matches, row, changes)

    def discrepancy(self, id_: str = "a", **changes: Any) -> None:
        row = {
            "id": id_, "kind": "gross amount", "ours": "", "theirs": "", "cause": "", "state": "seen",
            "first_seen": NOW, "last_seen": NOW, "run_id": "run",
        }  # fmt: skip
        self._add(schema.discrepancies, row, changes)

    def due(self, id_: str = "1", due: int = 1) -> None:
        row = {"kind": "customer", "order_id": id_, "due": due, "since": NOW}
        self._add(schema.accounting, row, {})


@pytest.fixture
def rows(database: Database) -> Rows:
    return Rows(database)


@pytest.fixture
def columns(database: Database) -> Columns:
    return Columns(database, "shop")


def orders(columns: Columns, part: Part) -> list[str]:
    return sorted(columns.read(part)[0]["order_id"])


def documents(columns: Columns, part: Part) -> list[str]:
    return sorted(columns.read(part)[1]["document_id"])


DAYS = [None, D(2026, 9, 30), D(2026, 10, 1), D(2026, 10, 31), D(2026, 11, 1)]


def test_a_part_has_its_days_and_those_without_a_date_are_a_part_by_themselves(
    rows: Rows, columns: Columns
) -> None:
    for at, day in enumerate(DAYS):
        rows.order(str(at), document_date=day)
        rows.document(f"d{at}", date=day, standing="unmatched")
    for part, these in {
        OCTOBER: [2, 3],
        Part(D(2026, 11, 1), None): [4],
        Part(None, D(2026, 10, 1)): [1],
        Part(): [1, 2, 3, 4],
        Part(dated=False): [0],
    }.items():
        assert orders(columns, part) == [str(at) for at in these], part
        assert documents(columns, part) == [f"d{at}" for at in these], part
    assert columns.span() == (D(2026, 9, 30), D(2026, 11, 1))
    assert Columns(columns._database, "other").span() is None
    assert orders(Columns(columns._database, "other"), Part()) == []


@pytest.mark.parametrize(
    ("order", "document", "more", "moves"),
    [
        pytest.param({}, {}, None, False, id="at rest"),
        pytest.param({"updated_at": "2026-10-20T00:00:00.000000Z"}, {}, None, True, id="changed just then"),
        pytest.param({"updated_at": "2026-10-20T00:00:00Z"}, {}, None, True, id="changed on the second"),
        pytest.param(
            {}, {"modified": "2026-10-20T00:00:00.000+00:00"}, None, True, id="its document changed"
        ),
        pytest.param({}, {"status": "DRAFT"}, None, True, id="a draft"),
        pytest.param({}, {"status": "AUTHORISED"}, None, True, id="open"),
        pytest.param({}, {"status": "VOIDED"}, None, False, id="voided"),
        pytest.param({"state": "pending"}, {}, None, True, id="waits"),
        pytest.param({"state": "held"}, {}, None, True, id="held"),
        pytest.param({"state": "rejected"}, {}, None, True, id="rejected"),
        pytest.param({"state": "skipped"}, {}, None, True, id="skipped"),
        pytest.param({"state": "before_cutover"}, {}, None, False, id="before the cut-over"),
        pytest.param({}, {}, lambda rows: rows.due(), True, id="due to be shown"),
        pytest.param({}, {}, lambda rows: rows.due(due=0), False, id="shown"),
        pytest.param(
            {},
            {},
            lambda rows: rows.discrepancy(order_kind="customer", order_id="1"),
            True,
            id="known to differ",
        ),
        pytest.param(
            {},
            {},
            lambda rows: rows.discrepancy(order_kind="supplier", order_id="1"),
            False,
            id="another differs",
        ),
        pytest.param(
            {},
            {},
            lambda rows: rows.discrepancy(order_kind="customer", order_id="1", state="gone"),
            False,
            id="differed once",
        ),
        pytest.param(
            {},
            {},
            lambda rows: rows.discrepancy(order_kind="customer", order_id="1", connection="other"),
            False,
            id="differs elsewhere",
        ),
    ],
)
def test_of_earlier_months_only_what_moves_is_read(
    rows: Rows, columns: Columns, order: dict[str, Any], document: dict[str, Any], more: Any, moves: bool
) -> None:
    rows.order("1", **order)
    rows.document("d1", **document)
    rows.link("1")
    if more:
        more(rows)
    assert orders(columns, OCTOBER) == ["1"]
    assert orders(columns, MOVING) == (["1"] if moves else [])
    # Its document comes with it; of whole months all that count for the sums come.
    assert documents(columns, OCTOBER) == ["d1"]
    assert documents(columns, MOVING) == (["d1"] if moves else [])


@pytest.mark.parametrize(
    ("standing", "whole", "moving"),
    [
        ("unmatched", True, True),
        ("proposed", True, True),
        ("unreadable", True, True),
        ("linked", True, False),
        ("aside", False, False),
        (None, False, False),
    ],
)
@pytest.mark.parametrize("state", [None, "seen", "accepted", "gone"])
def test_documents_without_an_order_are_read_and_those_known_to_differ_still_are(
    rows: Rows, columns: Columns, standing: str | None, whole: bool, moving: bool, state: str | None
) -> None:
    rows.document("d1", standing=standing)
    if state:
        rows.discrepancy(document_id="d1", state=state)
    known = state in {"seen", "accepted"}
    assert documents(columns, OCTOBER) == (["d1"] if whole or known else [])
    assert documents(columns, MOVING) == (["d1"] if moving or known else [])


@pytest.mark.parametrize("type_", ["ACCREC", "ACCPAY"])
@pytest.mark.parametrize(
    "changes", [{}, {"total": "12.01"}, {"date": D(2026, 10, 6)}, {"contact_id": "other"}]
)
def test_a_document_of_an_order_that_equals_one_without_comes_with_it(
    rows: Rows, columns: Columns, type_: str, changes: dict[str, Any]
) -> None:
    rows.document("d1", type=type_, number="SUP-4711", standing="unmatched")
    rows.document("d2", **{"type": type_, "number": "SUP-4711", **changes})
    assert documents(columns, MOVING) == (["d1"] if changes else ["d1", "d2"])


def test_documents_of_an_order_come_whatever_their_date(rows: Rows, columns: Columns) -> None:
    rows.order("1")
    rows.document("d1", date=D(2026, 11, 2))
    rows.document("d2", date=None, standing=None)
    rows.document("d3", date=D(2026, 12, 1))
    rows.link("1")
    rows.match("1", "d2")
    rows.match("1", "d3", state="refused")
    assert documents(columns, OCTOBER) == ["d1", "d2"]


def test_orders_of_other_dates_come_with_a_document_of_these_and_with_all_of_theirs(
    rows: Rows, columns: Columns
) -> None:
    other = {"document_date": D(2026, 9, 30)}
    for id_, date in {
        "1": D(2026, 10, 1),
        "2": D(2026, 10, 31),
        "3": D(2026, 11, 1),
        "4": D(2026, 9, 30),
    }.items():
        rows.order(id_, **other)
        rows.document(f"d{id_}", date=date)
        rows.link(id_, f"d{id_}")
    rows.order("5", document_date=None)
    rows.order("6", document_date=D(2026, 10, 1))
    for id_ in ("5", "6"):
        rows.match(id_, "d2")
    rows.order("7", **other)
    rows.match("7", "d2", state="proposed")
    rows.document("beside", date=D(2026, 12, 1))
    rows.match("1", "beside")
    rows.document("loose", standing="unmatched")
    elsewhere = Part(D(2026, 10, 1), D(2026, 11, 1), elsewhere=True)
    assert orders(columns, elsewhere) == ["1", "2", "5"]
    assert documents(columns, elsewhere) == ["beside", "d1", "d2"]
    assert orders(columns, OCTOBER) == ["6"]
    belongs = columns.read(elsewhere)[2]
    assert sorted(zip(belongs["order_id"], belongs["document_id"], strict=True)) == [
        ("1", "beside"),
        ("1", "d1"),
        ("2", "d2"),
        ("5", "d2"),
    ]


def test_the_size_is_that_of_the_larger_side(rows: Rows, columns: Columns) -> None:
    assert columns.size() == 0
    for at in range(3):
        rows.order(str(at))
    rows.document("d1")
    assert columns.size() == 3
    for at in range(2, 6):
        rows.document(f"d{at}")
    assert columns.size() == 5


def test_a_proposal_comes_with_its_orders_whatever_their_date(rows: Rows, columns: Columns) -> None:
    rows.order("1", document_date=D(2026, 8, 1))
    rows.document("d1", standing="proposed")
    rows.match("1", state="proposed")
    found, _, belongs = columns.read(OCTOBER)
    assert found.empty
    assert belongs[["order_id", "order", "state"]].values.tolist() == [["1", "CO-1", "proposed"]]


def test_what_belongs_comes_in_the_order_in_which_it_is_shown(rows: Rows, columns: Columns) -> None:
    rows.order("1", generation=2)
    earlier = NOW - dt.timedelta(days=1)
    rows.match("1", "people 1")
    rows.match("1", "people 0", since=earlier)
    rows.match("1", "people 2")
    rows.link("1", "old")
    rows.link("1", "return 2", role="return-2", generation=2)
    rows.link("1", "return 1", role="return-1", generation=2)
    rows.link("1", "new", generation=2, origin="linked")
    belongs = columns.read(OCTOBER)[2]
    ranked = belongs.sort_values("rank")
    assert ranked["document_id"].tolist() == [
        "new",
        "return 1",
        "return 2",
        "old",
        "people 0",
        "people 1",
        "people 2",
    ]
    assert ranked["own"].tolist() == [False, True, True, True, False, False, False]
    assert ranked["is_primary"].tolist() == [True, False, False, True, False, False, False]
    assert set(ranked["state"]) == {"linked"}


def test_the_link_of_an_order_is_that_of_its_generation(rows: Rows, columns: Columns) -> None:
    rows.order("1", generation=2)
    rows.order("2")
    rows.link("1", "old", revision="r0")
    rows.link("1", "new", generation=2, total="13.00")
    rows.link("2", "note", role="return-1")
    found = columns.read(OCTOBER)[0].set_index("order_id")
    assert found["document_id"].to_dict() == {"1": "new", "2": ""}
    assert found["written_gross"].dropna().to_dict() == {"1": 1_300}
    assert found["written_revision"].to_dict() == {"1": "r1", "2": ""}


@pytest.mark.parametrize(
    ("nets", "weights"),
    [
        (["1.00", "2.50"], [(100, 350), (250, 350)]),
        (["0.00", None], [(1, 2), (1, 2)]),
        (["-1.00", "1.00"], [(1, 2), (1, 2)]),
        ([None, "2.50", "0.00"], [(0, 250), (250, 250), (0, 250)]),
        (["1.00"], [(pd.NA, pd.NA)]),
    ],
)
def test_a_shared_document_is_divided_among_all_its_orders_also_those_of_other_parts(
    rows: Rows, columns: Columns, nets: list[str | None], weights: list[Any]
) -> None:
    for at, net in enumerate(nets):
        rows.order(str(at), net=net, document_date=D(2026, 10 - at, 5))
        rows.match(str(at), "bill")
    rows.order("9", net="99.00")
    rows.match("9", "bill", state="refused")
    rows.match("9", "other", state="proposed")
    for at, expected in enumerate(weights):
        month = Part(D(2026, 10 - at, 1), D(2026, 11 - at, 1))
        belongs = columns.read(month)[2]
        mine = belongs[(belongs["order_id"] == str(at)) & (belongs["document_id"] == "bill")]
        assert mine[["weight", "weights"]].values.tolist() == [list(expected)]


def test_what_each_document_is_to_its_order(rows: Rows, columns: Columns) -> None:
    for id_ in ("sold", "credited", "beside", "refused", "nobody's"):
        rows.document(id_, standing="unmatched")
    rows.link("1", "sold")
    rows.link("1", "credited", role="return-1")
    rows.match("1", "sold")
    rows.match("1", "beside")
    rows.match("1", "refused", state="refused")
    found = columns.read(OCTOBER)[1].set_index("document_id")["role"].to_dict()
    assert found == {
        "sold": "sale",
        "credited": "return-1",
        "beside": "beside",
        "refused": "",
        "nobody's": "",
    }


def test_an_order_whose_writing_began_and_did_not_end_waits_for_its_answer_or_lost_it(
    database: Database,
) -> None:
    take_in(database, "1", "2", "3")
    Rows(database).order("4", document_date=D(2026, 10, 5))
    worker, columns = attempts(database), Columns(database, "shop")

    in_flight, lost = dict.fromkeys("12", ("", True)), dict.fromkeys("12", ("run", False))

    def sent_in() -> dict[str, tuple[str, bool]]:
        with database.begin() as tx:
            tx.execute(schema.orders.update().values(document_date=D(2026, 10, 5)))
        found = columns.read(OCTOBER)[0]
        told = zip(found["order_id"], found["sent_in"], found["in_flight"], strict=True)
        return {id_: (run, flying) for id_, run, flying in told if run or flying}

    attempt = store(worker, claim("1"), claim("2"))
    assert attempt is not None
    assert sent_in() == {}
    sent = worker.note_sent(attempt, NOW)
    assert sent_in() == in_flight
    worker.leave(sent)
    assert sent_in() == lost
    faulted = worker.note_fault(sent)
    assert sent_in() == in_flight
    worker.leave(faulted)
    assert sent_in() == lost
    worker.settle(faulted, [settled(claim("1")), settled(claim("2"))], "ended", "run")
    assert sent_in() == {}


def test_counts_of_open_and_of_dated_documents(rows: Rows, columns: Columns, database: Database) -> None:
    for at, status in enumerate(["DRAFT", "SUBMITTED", "AUTHORISED", "AUTHORISED", "PAID", "VOIDED"]):
        rows.document(f"d{at}", status=status, date=D(2026, 10, 1 + at))
    rows.document("p", type="PURCHASEORDER", status="DRAFT", date=None)
    Rows(database, "other").document("d0", status="DRAFT")
    assert columns.open_documents() == {
        ("ACCREC", "DRAFT"): 1,
        ("ACCREC", "SUBMITTED"): 1,
        ("ACCREC", "AUTHORISED"): 2,
        ("PURCHASEORDER", "DRAFT"): 1,
    }
    assert columns.dated(D(2026, 10, 2), D(2026, 10, 5)) == {"ACCREC": 4}
    assert columns.dated(D(2026, 11, 2), D(2026, 11, 5)) == {}


def test_more_than_a_chunk_comes_whole(rows: Rows, columns: Columns, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK", 3)
    for at in range(8):
        rows.order(str(at))
        rows.document(f"d{at}", date=None, standing=None)
        rows.link(str(at), f"d{at}")
        rows.match(str(at), "bill")
        rows.document(f"p{at}", standing="proposed")
        rows.match(str(at), f"p{at}", state="proposed")
    rows.document("bill", date=None)
    found, seen, belongs = columns.read(OCTOBER)
    assert (len(found), len(seen)) == (8, 17)
    assert seen["document_id"].is_unique
    assert not belongs.duplicated(["kind", "order_id", "document_id", "state"]).any()
    assert len(belongs) == 24
    assert belongs["weights"].dropna().tolist() == [8_000] * 8


def test_sides_made_by_hand_look_like_these(rows: Rows, columns: Columns) -> None:
    rows.order()
    rows.document()
    rows.link()
    sides = by_hand.sides(pair())
    found = dict(zip(("orders", "documents", "belongs"), columns.read(OCTOBER), strict=True))
    for name, added in (("orders", {"unlisted", "fresh"}), ("documents", {"within"}), ("belongs", set())):
        made, real = getattr(sides, name), found[name]
        assert set(made) - added <= set(real)
        assert {column: made[column].dtype for column in real if column in made} == {
            column: real[column].dtype for column in real if column in made
        }
