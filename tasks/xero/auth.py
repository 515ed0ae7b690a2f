"""Access tokens for Xero's API: one for all processes, kept in the ledger, renewed by one of them at a time."""

import time
from collections.abc import Callable
from datetime import timedelta

from pydantic import SecretStr

from tasks.domain.errors import NeedsConsent, NotAuthorised, Transient
from tasks.ledger.consents import Consent, Consents, Lease, Tokens
from tasks.transport.clock import FarClock
from tasks.xero.identity import GrantRefused, Identity, missing_scopes

# A token is renewed so long before its end: meanwhile the identity service may be away, and no call waits for it.
EARLY = timedelta(minutes=5)
# It is given up so long before its end, so that no call leaves with one that dies on the way.
MARGIN = timedelta(seconds=60)
# How often, in seconds, to look whether another process is done.
LOOK_AGAIN = 0.1


class TokenAuth:
    """Says who calls. All processes use the ledger's token; each remembers it until shortly before its end.

    A token is judged by Xero's clock. A 401 costs a look into the ledger, a renewal where nobody else had
    renewed it, and one more try of the same request.
    """

    def __init__(
        self,
        identity: Identity,
        consents: Consents,
        clock: FarClock,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._identity = identity
        self._consents = consents
        self._clock = clock
        self._sleep = sleep
        self._held: Consent | None = None
        self._refused = SecretStr("")
        self._unanswered: Lease | None = None

    def header(self) -> str:
        """The token, as a call to the API bears it. Raises `NeedsConsent` where only a person can help,
        `Transient` where no token comes at the moment, `NotAuthorised` where it lacks a scope.
        """
        consent = self._living()
        if missing := missing_scopes(consent.scopes):
            raise NotAuthorised(f"Xero grants no {', '.join(missing)}. {self._remedy}")
        return consent.bearer

    def token(self) -> SecretStr:
        """The token alone, whatever it may be used for."""
        return self._living().access or SecretStr("")

    def refused(self, header: str) -> bool:
        """Xero does not take that token, whatever its time; another one may do."""
        self._refused = SecretStr(header)
        return True

    def require(self) -> None:
        """Raise `NeedsConsent` if that is known. Asks nobody but the ledger."""
        self._find()

    def settle(self) -> None:
        """Before this process leaves off: ask once more, if its last renewal got no answer.

        Xero may have given new tokens in it, and takes the refresh token before for half an hour only. Nobody else
        asks while the lease of that renewal lasts; where another one has it by now, that one asks.
        """
        if self._unanswered is not None and self._unanswered.consent.refresh is not None:
            self._held = self._ask_again()

    def _ask_again(self) -> Consent | None:
        """Under the lease of a renewal that got no answer, if it is still ours."""
        lease, self._unanswered = self._unanswered, None
        return self._renew(lease) if lease is not None and self._consents.keep(lease) else None

    def _living(self) -> Consent:
        """The consent with a token that lives: as this process remembers it, else as the ledger has it."""
        held = self._held
        if held is None or not self._good_for(held, EARLY):
            held = self._held = self._current()
        return held

    def _current(self) -> Consent:
        """What the ledger has, renewed if it must be. While one process asks Xero, others use what still lives."""
        while True:
            found = self._find()
            if self._good_for(found, EARLY):
                return found
            if (lease := self._consents.lease(found)) is not None:
                if (renewed := self._renew(lease)) is not None:
                    return renewed
            elif self._good_for(found, MARGIN):
                return found
            elif (renewed := self._ask_again()) is not None:
                return renewed  # the lease that everybody waits for is our own
            else:
                self._sleep(LOOK_AGAIN)

    def _renew(self, lease: Lease) -> Consent | None:
        """New tokens, or the old ones while they live. None where the ledger must be looked at again."""
        try:
            tokens, used = self._ask(lease.consent)
        except Transient:
            if self._good_for(lease.consent, MARGIN):
                self._unanswered = lease
                return lease.consent  # the lease stays: nobody asks again before it has run out
            self._consents.give_back(lease)
            raise
        except GrantRefused as refused:
            self._consents.end(lease, str(refused))
            return None
        except BaseException:
            self._consents.give_back(lease)
            raise
        self._unanswered = None
        return self._consents.renew(lease, tokens, used)

    def _good_for(self, consent: Consent, left: timedelta) -> bool:
        if consent.access is None or consent.access_until is None:
            return False
        taken = consent.bearer != self._refused.get_secret_value()
        return taken and consent.access_until - self._clock.now() > left

    _remedy = ""

    def _find(self) -> Consent:
        raise NotImplementedError

    def _ask(self, consent: Consent) -> tuple[Tokens, SecretStr | None]:
        """New tokens, and the refresh token that was used for them."""
        raise NotImplementedError


class CustomConnection(TokenAuth):
    """Client credentials: an app of one organisation. Xero gives no refresh token."""

    _remedy = "Add the scope to the custom connection on Xero's developer site, and let the organisation confirm it."

    def _good_for(self, consent: Consent, left: timedelta) -> bool:
        """A token that lacks a scope is not kept: the app may have been given it since."""
        return not missing_scopes(consent.scopes) and super()._good_for(consent, left)

    def _find(self) -> Consent:
        return self._consents.own()

    def _ask(self, _consent: Consent) -> tuple[Tokens, None]:
        return self._identity.own_tokens(), None


class Consented(TokenAuth):
    """A person's consent, for as long as refresh tokens lead from one to the next."""

    def __init__(
        self, identity: Identity, consents: Consents, clock: FarClock, connection: str, consent_id: str = ""
    ) -> None:
        super().__init__(identity, consents, clock)
        self._connection = connection
        self._consent_id = consent_id
        self._remedy = (
            f"Allow it to the app on Xero's developer site, then run `monstock-xero connect {connection}`."
        )

    def _find(self) -> Consent:
        """The consent that the connection uses by now; or the given one."""
        found = (
            self._consents.get(self._consent_id) if self._consent_id else self._consents.of(self._connection)
        )
        if found is None:
            raise NeedsConsent(unconnected(self._connection))
        if found.dead is not None:
            raise NeedsConsent(self._ended(found, found.dead))
        return found

    def _ask(self, consent: Consent) -> tuple[Tokens, SecretStr]:
        """By the current refresh token; where Xero refuses that, by the one before while its grace lasts."""
        if consent.refresh is None:
            raise GrantRefused("Xero gave no refresh token")
        try:
            return self._identity.refresh(consent.refresh), consent.refresh
        except GrantRefused:
            until = consent.previous_until
            if consent.previous is None or until is None or until <= self._clock.now():
                raise
            return self._identity.refresh(consent.previous), consent.previous

    def _ended(self, consent: Consent, why: str) -> str:
        names = self._consents.users(consent.id) or [self._connection]
        which = f"connection {names[0]}" if len(names) == 1 else f"connections {', '.join(names)}"
        return (
            f"Xero lets {which} in no more: {why}. Run `monstock-xero connect {self._connection}`; "
            "what waits is exported afterwards."
        )


def unconnected(connection: str) -> str:
    """What to do where a connection was never joined to an organisation, or was parted from it."""
    what = f"Connection {connection} is not connected to an organisation in Xero."
    return f"{what} Run `monstock-xero connect {connection}`."
