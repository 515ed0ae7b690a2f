"""One token serves many calls and all processes, is renewed by one of them at a time, and is never shown."""

from base64 import b64decode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs

import httpx
import pytest
from pydantic import SecretStr

from deployments.sandbox.server import Sandbox
from tasks.domain.errors import MonstockXeroError, NeedsConsent, NotAuthorised, Offline
from tasks.ledger.consents import App, Consents, Tokens
from tasks.ledger.database import Database
from tasks.ledger.pins import Pins
from tasks.transport.clock import FarClock
from tasks.transport.http import Http, Patience
from tasks.xero.auth import EARLY, MARGIN, Consented, CustomConnection, TokenAuth
from tasks.xero.identity import SCOPES, Addresses, Identity
from tests.support import Connect
from tests.transport.far_side import FAST, FarSide, Turn

SECRET = "s3cr3t-of-ours"
AT = Addresses("http://id.example", "http://login.example", "http://api.example/connections")
LIFE = timedelta(minutes=30)
ONCE = Patience(attempts=1, timeout=5.0, first_pause=0.001, longest_pause=0.002)


def token(number: int, **more: str) -> httpx.Response:
    return httpx.Response(200, json={"access_token": f"token-{number}", "expires_in": 1800, **more})


def renewal(number: int) -> httpx.Response:
    return token(number, refresh_token=f"refresh-{number}", scope=f"offline_access {SCOPES}")


def gone() -> httpx.Response:
    return httpx.Response(400, json={"error": "invalid_grant"})


class Api(FarSide):
    """Takes only the token it was told to; everything else is a 401. Its clock is `ahead` of ours."""

    good = "token-1"
    ahead = timedelta()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if "/connect/token" in str(request.url):
            answer = super().__call__(request)
        else:
            self.sent.append(("API", request.method, request.read(), dict(request.headers)))
            right = request.headers["Authorization"] == f"Bearer {self.good}"
            answer = httpx.Response(200 if right else 401, json={})
        answer.headers["Date"] = (datetime.now(UTC) + self.ahead).strftime("%a, %d %b %Y %H:%M:%S GMT")
        return answer


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(f"sqlite:///{tmp_path / 'ledger.db'}")
    yield opened
    opened.close()


class Process:
    """One process of several on a ledger: its own clock and memory, the same far side."""

    def __init__(self, far: Api, database: Database, grant: str, patience: Patience = ONCE) -> None:
        self.clock = FarClock()
        key = SecretStr(SECRET) if grant == "client_credentials" else None
        identity = Identity(AT, "our-id", key, self.clock, patience, httpx.MockTransport(far))
        self.consents = Consents(database, App(AT.identity, "our-id", grant))
        self.auth: TokenAuth = (
            CustomConnection(identity, self.consents, self.clock)
            if key
            else Consented(identity, self.consents, self.clock, "shop")
        )
        self.http: Http = far.http(auth=self.auth, clock=self.clock)


def custom(far: Api, database: Database) -> Http:
    return Process(far, database, "client_credentials").http


def consented(far: Api, database: Database, patience: Patience = ONCE) -> Process:
    return Process(far, database, "authorization_code", patience)


def given(database: Database, left: timedelta = timedelta(0), refresh: str = "refresh-0") -> str:
    """A consent of connection shop, whose access token lives so much longer."""
    consents, now = Consents(database, App(AT.identity, "our-id", "authorization_code")), datetime.now(UTC)
    tokens = Tokens(SecretStr("token-0"), now, now + left, f"offline_access {SCOPES}", SecretStr(refresh))
    with database.begin() as tx:
        consent_id = consents.add(tx, tokens)
        Pins(database, "shop").join(tx, "tenant-1", "Shop Ltd", consent_id)
    return consent_id


def asked(far: Api) -> list[dict[str, str]]:
    """The forms that the identity service was sent."""
    return [
        {name: values[0] for name, values in parse_qs(body.decode()).items()}
        for what, _, body, _ in far.sent
        if what != "API"
    ]


def used(far: Api) -> list[str]:
    """The refresh tokens it was asked with."""
    return [form["refresh_token"] for form in asked(far)]


def test_a_token_is_fetched_with_the_credentials_and_the_scopes_that_are_needed(database: Database) -> None:
    far = Api(token(1))
    custom(far, database).read("Invoices")
    method, url, body, headers = far.sent[0]
    assert (method, url) == ("POST", "http://id.example/connect/token")
    assert b64decode(headers["authorization"].removeprefix("Basic ")) == f"our-id:{SECRET}".encode()
    form = parse_qs(body.decode())
    assert form["grant_type"] == ["client_credentials"]
    assert form["scope"] == [
        "accounting.invoices accounting.payments accounting.contacts accounting.settings.read"
    ]


def test_a_token_is_fetched_once_for_all_processes(database: Database) -> None:
    far = Api(token(1))
    for _ in range(3):
        http = custom(far, database)
        http.read("Invoices")
        http.read("Invoices")
    assert len(asked(far)) == 1


def test_a_token_is_renewed_before_its_end_by_xeros_clock(database: Database) -> None:
    far = Api(token(1), token(2))
    far.ahead = timedelta(hours=5)
    http = custom(far, database)
    http.read("Invoices")
    far.ahead += LIFE - EARLY - timedelta(seconds=5)
    for _ in range(2):  # the first one's answer tells what time it is
        http.read("Invoices")
    assert len(asked(far)) == 1
    far.ahead += timedelta(seconds=10)
    http.read("Invoices")
    far.good = "token-2"
    http.read("Invoices")
    assert len(asked(far)) == 2
    assert http.calls == {"GET Invoices": 5}


def test_a_401_costs_one_new_token_and_the_same_request_again(database: Database) -> None:
    far = Api(token(1), token(2))
    http = custom(far, database)
    http.read("Invoices")
    far.good = "token-2"
    http.write("PUT", "Invoices", b'{"a": 1}', headers={"Idempotency-Key": "k"})
    refused, again = far.sent[-3], far.sent[-1]
    assert refused[:3] == again[:3] == ("API", "PUT", b'{"a": 1}')
    assert refused[3]["idempotency-key"] == again[3]["idempotency-key"] == "k"
    assert (refused[3]["authorization"], again[3]["authorization"]) == ("Bearer token-1", "Bearer token-2")
    assert http.calls == {"GET Invoices": 1, "PUT Invoices": 2}


def test_a_401_that_another_process_has_cured_costs_no_new_token(database: Database) -> None:
    far = Api(token(1), token(2))
    first, second = custom(far, database), custom(far, database)
    first.read("Invoices")
    second.read("Invoices")
    far.good = "token-2"
    first.read("Invoices")
    second.read("Invoices")
    assert len(asked(far)) == 2


def test_a_second_401_ends_it(database: Database) -> None:
    far = Api(token(1), token(2))
    far.good = "never"
    with pytest.raises(NotAuthorised):
        custom(far, database).write("PUT", "Invoices", b"{}")
    assert [what for what, *_ in far.sent] == ["POST", "API", "POST", "API"]


@pytest.mark.parametrize(
    "turn",
    [
        pytest.param(httpx.Response(503, text="down"), id="503"),
        pytest.param(httpx.Response(500), id="500"),
        pytest.param(httpx.Response(429), id="429"),
        pytest.param(httpx.ConnectError("refused"), id="no connection"),
        pytest.param(httpx.ReadTimeout("slow"), id="timeout"),
        pytest.param(httpx.Response(200, content=b'{"access_to'), id="cut JSON"),
        pytest.param(httpx.Response(200, json={"access_token": "x"}), id="no end named"),
        pytest.param(httpx.Response(200, json=[]), id="no token"),
    ],
)
def test_an_identity_service_out_of_order_is_asked_again_and_no_write_is_lost(
    turn: Turn, database: Database
) -> None:
    far = Api(turn, turn, token(1))
    custom(far, database).write("PUT", "Invoices", b"{}")
    assert [what for what, *_ in far.sent] == ["POST", "POST", "POST", "API"]


def test_a_renewal_whose_answer_was_lost_is_asked_for_by_the_same_refresh_token(database: Database) -> None:
    far = Api(httpx.ReadTimeout("slow"), httpx.Response(502), renewal(1))
    given(database)
    consented(far, database, FAST).http.read("Invoices")
    assert used(far) == ["refresh-0"] * 3


def test_an_identity_service_that_stays_away_sends_nothing(database: Database) -> None:
    far = Api(httpx.Response(500))
    with pytest.raises(Offline):
        custom(far, database).write("PUT", "Invoices", b"{}")
    assert len(asked(far)) == len(far.sent) == FAST.attempts


def test_an_old_token_is_used_while_it_lives_and_nobody_renews_it(database: Database) -> None:
    far = Api(httpx.Response(500))
    far.good = "token-0"
    given(database, EARLY - timedelta(seconds=30))
    for _ in range(3):
        consented(far, database).http.read("Invoices")
    assert len(asked(far)) == 1


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


def test_a_scope_that_a_custom_connection_was_given_since_is_seen_at_once(database: Database) -> None:
    far = Api(token(1, scope="accounting.invoices"), token(2, scope=SCOPES))
    with pytest.raises(NotAuthorised, match=r"grants no accounting\.contacts, .*Add the scope"):
        custom(far, database).read("Invoices")
    far.good = "token-2"
    custom(far, database).read("Invoices")
    assert len(asked(far)) == 2


def test_an_app_without_the_scopes_is_told_which(database: Database) -> None:
    far = Api(httpx.Response(400, json={"error": "invalid_scope"}))
    with pytest.raises(NotAuthorised, match=r"all of the scopes accounting\.invoices .*developer site"):
        custom(far, database).read("Invoices")


@pytest.mark.parametrize("status", [400, 401, 403])
def test_refused_credentials_are_said_in_a_sentence_without_the_secret(
    status: int, database: Database
) -> None:
    far = Api(httpx.Response(status, json={"error": "invalid_client"}))
    http = custom(far, database)
    with pytest.raises(NotAuthorised) as refused:
        http.read("Invoices")
    assert "refuses the client credentials" in str(refused.value)
    assert "invalid_client" in str(refused.value)
    assert len(far.sent) == 1
    encoded = far.sent[0][3]["authorization"]
    for shown in (str(refused.value), repr(refused.value), repr(http), repr(vars(http))):
        assert SECRET not in shown
        assert encoded not in shown


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


def test_the_sandbox_gives_tokens_and_takes_them_away(sandbox: Sandbox, connect: Connect) -> None:
    xero = connect().xero
    assert xero.organisation()["Name"] == "Sandbox Trading Ltd"
    sandbox.fault("expire_tokens")
    assert xero.organisation()["Name"] == "Sandbox Trading Ltd"
    assert xero.http.calls == {"GET Organisation": 3}


def test_wrong_credentials_stop_at_the_sandbox(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANDBOX_XERO_SECRET", SECRET)
    with pytest.raises(MonstockXeroError, match="Check client_id, client_secret") as refused:
        connect().xero.organisation()
    assert SECRET not in str(refused.value)
