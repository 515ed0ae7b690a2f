"""Refresh tokens lead from one to the next; one process renews at a time, and a dead consent is said at once."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest
from pydantic import SecretStr

from tasks.domain.errors import NeedsConsent, NotAuthorised
from tasks.ledger.consents import LEASE, Tokens
from tasks.ledger.database import Database
from tasks.ledger.pins import Pins
from tasks.xero.auth import EARLY, MARGIN
from tasks.xero.identity import PATIENCE, REQUEST_SECONDS, SCOPES
from tests.transport.far_side import FAST, Turn
from tests.xero.processes import LIFE, Api, Process, asked, consented, given, gone, renewal, token, used


def test_a_renewal_whose_answer_was_lost_is_asked_for_by_the_same_refresh_token(database: Database) -> None:
    far = Api(httpx.ReadTimeout("slow"), httpx.Response(502), renewal(1))
    given(database)
    consented(far, database, FAST).http.read("Invoices")
    assert used(far) == ["refresh-0"] * 3


def test_an_old_token_is_used_while_it_lives_and_nobody_renews_it(database: Database) -> None:
    far = Api(httpx.Response(500))
    far.good = "token-0"
    given(database, EARLY - timedelta(seconds=30))
    for _ in range(3):
        consented(far, database).http.read("Invoices")
    assert len(asked(far)) == 1


def unanswered(database: Database, *turns: Turn) -> tuple[Api, Process]:
    """A process whose renewal got no answer, while the old token lives."""
    far = Api(httpx.ReadTimeout("slow"), *turns)
    far.good = "token-0"
    given(database, EARLY - timedelta(seconds=30))
    process = consented(far, database)
    process.http.read("Invoices")
    return far, process


def test_who_leaves_off_asks_once_more_for_what_got_no_answer(database: Database) -> None:
    far, process = unanswered(database, renewal(1))
    for _ in range(2):
        process.auth.settle()
    assert used(far) == ["refresh-0"] * 2
    found = process.consents.of("shop")
    assert found is not None
    assert (found.refresh, found.previous) == (SecretStr("refresh-1"), SecretStr("refresh-0"))
    assert found.renewer_until is None


def test_who_leaves_off_leaves_it_to_the_one_that_has_the_lease_by_now(database: Database) -> None:
    far, process = unanswered(database, renewal(1))
    with database.begin() as tx:
        tx.exec_driver_sql("update consents set renewer = 'another process'")
    process.auth.settle()
    assert used(far) == ["refresh-0"]


def test_nobody_waits_for_a_lease_of_his_own(database: Database) -> None:
    """The old token, which would have lasted until the next try, is refused meanwhile."""
    _, process = unanswered(database, renewal(1))

    def wait(_: float) -> None:
        raise AssertionError("it waits for itself")

    process.auth._sleep = wait
    old = process.auth.header()
    assert process.auth.refused(old)
    assert process.auth.header() != old


def test_a_renewal_that_was_answered_is_not_asked_for_again(database: Database) -> None:
    far = Api(renewal(1))
    given(database)
    process = consented(far, database)
    process.http.read("Invoices")
    process.auth.settle()
    assert used(far) == ["refresh-0"]


def test_a_lease_outlasts_the_longest_renewal() -> None:
    # A try that begins just before patience ends may connect, send and wait for its answer.
    longest = timedelta(seconds=PATIENCE.timeout + 3 * REQUEST_SECONDS)
    assert 2 * longest < LEASE


def test_a_token_that_dies_on_the_way_is_not_used(database: Database) -> None:
    far = Api(renewal(1))
    given(database, MARGIN - timedelta(seconds=5))
    consented(far, database).http.read("Invoices")
    assert used(far) == ["refresh-0"]


def test_while_another_process_renews_a_dead_token_the_others_wait_for_it(database: Database) -> None:
    far = Api(renewal(2))
    consent_id = given(database)
    other, waiting = consented(far, database), consented(far, database)
    found = other.consents.get(consent_id)
    assert found is not None
    lease = other.consents.lease(found)
    assert lease is not None
    looked: list[float] = []

    def look_again(seconds: float) -> None:
        looked.append(seconds)
        if len(looked) == 3:
            now = datetime.now(UTC)
            tokens = Tokens(SecretStr("token-1"), now, now + LIFE, SCOPES, SecretStr("refresh-1"))
            other.consents.renew(lease, tokens, found.refresh)

    waiting.auth._sleep = look_again
    waiting.http.read("Invoices")
    assert (len(looked), asked(far)) == (3, [])


def test_refresh_tokens_lead_from_one_to_the_next(database: Database) -> None:
    far = Api(renewal(1), renewal(2))
    given(database)
    consented(far, database).http.read("Invoices")
    far.ahead, far.good = LIFE, "token-2"
    consented(far, database).http.read("Invoices")
    assert used(far) == ["refresh-0", "refresh-1"]
    assert [form["client_id"] for form in asked(far)] == ["our-id"] * 2


def renewed_once(database: Database, *turns: Turn) -> Api:
    """A consent whose current refresh token is refresh-1, and the one before refresh-0."""
    far = Api(renewal(1), *turns)
    given(database)
    consented(far, database).http.read("Invoices")
    return far


def test_the_refresh_token_before_is_tried_while_its_grace_lasts(database: Database) -> None:
    far = renewed_once(database, gone(), renewal(2))
    far.ahead, far.good = timedelta(minutes=29), "token-2"
    consented(far, database).http.read("Invoices")
    assert used(far) == ["refresh-0", "refresh-1", "refresh-0"]


def test_the_refresh_token_before_is_not_tried_after_its_grace(database: Database) -> None:
    far = renewed_once(database, gone())
    far.ahead, far.good = timedelta(minutes=31), "token-2"
    with pytest.raises(NeedsConsent):
        consented(far, database).http.read("Invoices")
    assert used(far) == ["refresh-0", "refresh-1"]


def test_a_dead_consent_is_said_once_and_nothing_is_sent_any_more(database: Database) -> None:
    far = Api(gone())
    consent_id = given(database)
    with database.begin() as tx:
        Pins(database, "web").join(tx, "tenant-2", "Web Ltd", consent_id)
    process = consented(far, database)
    for _ in range(2):
        for one in (process, consented(far, database)):
            with pytest.raises(NeedsConsent) as ended:
                one.http.read("Invoices")
    assert str(ended.value) == (
        "Xero lets connections shop, web in no more: Xero no longer takes what this consent gave (invalid_grant). "
        "Run `monstock-xero connect shop`; what waits is exported afterwards."
    )
    assert (used(far), len(far.sent)) == (["refresh-0"], 1)
    with pytest.raises(NeedsConsent):
        process.auth.require()


def test_a_new_consent_is_picked_up_by_a_process_that_ran_into_the_dead_one(database: Database) -> None:
    far = Api(gone(), renewal(1))
    given(database)
    process = consented(far, database)
    with pytest.raises(NeedsConsent):
        process.http.read("Invoices")
    given(database, refresh="refresh-new")
    process.http.read("Invoices")
    assert used(far) == ["refresh-0", "refresh-new"]


def test_a_connection_without_consent_says_what_to_run(database: Database) -> None:
    far = Api(renewal(1))
    with pytest.raises(NeedsConsent, match="Run `monstock-xero connect shop`"):
        consented(far, database).http.read("Invoices")
    assert far.sent == []


def test_a_refused_app_is_a_matter_of_settings_and_leaves_the_consent_alive(database: Database) -> None:
    far = Api(httpx.Response(400, json={"error": "invalid_client"}), renewal(1))
    given(database)
    with pytest.raises(NotAuthorised, match="Check client_id"):
        consented(far, database).http.read("Invoices")
    consented(far, database).http.read("Invoices")
    assert used(far) == ["refresh-0"] * 2


def test_a_missing_scope_is_named_and_its_refresh_token_is_not_lost(database: Database) -> None:
    far = Api(token(1, refresh_token="refresh-1", scope="offline_access accounting.invoices"), renewal(2))
    given(database)
    for _ in range(2):
        with pytest.raises(NotAuthorised, match=r"grants no accounting\.contacts, accounting\.payments, acc"):
            consented(far, database).http.read("Invoices")
    far.ahead, far.good = LIFE, "token-2"
    process = consented(far, database)
    process.clock.offset = LIFE.total_seconds()
    process.http.read("Invoices")
    assert used(far) == ["refresh-0", "refresh-1"]


def test_no_token_is_shown(database: Database) -> None:
    far = Api(renewal(1))
    consent_id = given(database)
    process = consented(far, database)
    process.http.read("Invoices")
    process.auth.refused(process.auth.header())
    found = process.consents.get(consent_id)
    for shown in (repr(found), repr(vars(process.auth)), repr(vars(process.auth._identity))):
        assert "token-" not in shown
        assert "refresh-" not in shown
