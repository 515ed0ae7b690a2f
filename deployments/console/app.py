"""The receiver's addresses: signature, ledger, answer, in this order. An answer has neither body nor cookie."""

import asyncio
from collections.abc import Sequence
from http import HTTPStatus

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from deployments.console.arrivals import Arrivals, Told
from deployments.console.bodies import Bodies
from deployments.console.seldom import Seldom
from deployments.console.watching import Watching
from tasks.domain.errors import Unreadable
from tasks.monstock import events as monstock_events
from tasks.xero import events as xero_events

# With the time of reading, Xero's five seconds are not used up.
KEEP_SECONDS = 2.0


class Receiver:
    """Takes webhooks of the senders that are known, for `arrivals` to keep."""

    def __init__(self, known: Watching, arrivals: Arrivals) -> None:
        self._known, self._arrivals = known, arrivals
        self._bodies = Bodies()
        self._seldom = Seldom()

    async def xero(self, request: Request) -> Response:
        """200 where one of the keys signed the body, be there anything to follow in it or not; else 401."""
        body = await self._bodies.read(request)
        signature = request.headers.get("x-xero-signature", "").encode("latin-1")
        signed = [app for app in self._known.senders.apps if xero_events.is_signed(body, signature, app.key)]
        if not signed:
            self._seldom.say("Xero's webhook bore none of the known signatures.")
            return Response(status_code=HTTPStatus.UNAUTHORIZED)
        speaks = frozenset[str]().union(*(app.connections for app in signed))
        return await self._kept(self._from_xero(body, speaks), HTTPStatus.OK)

    async def monstock(self, request: Request) -> Response:
        """204 where the connection's secret signed the body within five minutes; else 401, be there one or not:
        strangers learn no connection's name.
        """
        body = await self._bodies.read(request)
        account = self._known.senders.accounts.get(request.path_params["connection"])
        if account is None:
            self._seldom.say(
                "Monstock's webhook came for no connection that is known and has a webhook_secret."
            )
            return Response(status_code=HTTPStatus.UNAUTHORIZED)
        if not monstock_events.is_signed(account.webhook, body, request.headers):
            self._seldom.say("Monstock's webhook was not signed with the secret that is known, or not now.")
            return Response(status_code=HTTPStatus.UNAUTHORIZED)
        told: list[Told] = []
        try:
            if event := monstock_events.read(body, request.headers["webhook-id"]):
                told = [(name, event) for name in account.connections]
        except Unreadable as error:
            self._seldom.say(str(error))
        return await self._kept(told, HTTPStatus.NO_CONTENT)

    def _from_xero(self, body: bytes, speaks: frozenset[str]) -> list[Told]:
        """What it tells our connections. One app serves organisations that are none of ours: Xero would switch its
        webhooks off for all of them, were theirs refused.
        """
        try:
            found = xero_events.read(body)
        except Unreadable as error:
            self._seldom.say(str(error))
            return []
        for sentence in found.odd:
            self._seldom.say(sentence)
        told: list[Told] = []
        for tenant, event in found.events:
            names = self._known.tenants.get(tenant, frozenset()) & speaks
            told += [(name, event) for name in sorted(names)]
            if not names:
                self._seldom.say(f"Xero told of tenant {tenant}, which is no connection's of that app.")
        return told

    async def _kept(self, told: Sequence[Told], answer: HTTPStatus) -> Response:
        """Answered once it is in the ledger; 503 where it may not be, so that it is sent again."""
        if told:
            try:
                kept = await asyncio.wait_for(self._arrivals.put(told), KEEP_SECONDS)
            except TimeoutError:
                kept = False
            if not kept:
                return Response(status_code=HTTPStatus.SERVICE_UNAVAILABLE)
        return Response(status_code=answer)


def build(receiver: Receiver) -> FastAPI:
    """The application."""
    app = FastAPI(openapi_url=None, redirect_slashes=False)
    app.router.add_route("/webhooks/xero", receiver.xero, methods=["POST"])
    app.router.add_route("/webhooks/monstock/{connection}", receiver.monstock, methods=["POST"])
    app.router.add_route("/health", _health, methods=["GET"])
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(Exception, _broken)
    return app


async def _health(_: Request) -> Response:
    return Response("ok", media_type="text/plain")


async def _refused(request: Request, error: Exception) -> Response:
    """Where a body may be left unread, the connection ends with the answer."""
    status = error.status_code if isinstance(error, HTTPException) else HTTPStatus.INTERNAL_SERVER_ERROR
    headers = dict(getattr(error, "headers", None) or {})
    if "transfer-encoding" in request.headers or request.headers.get("content-length", "0") != "0":
        headers["connection"] = "close"
    return Response(status_code=status, headers=headers)


async def _broken(_: Request, __: Exception) -> Response:
    return Response(status_code=HTTPStatus.INTERNAL_SERVER_ERROR)
