"""The line to a receiver: connections that are kept, and five seconds for each answer."""

import asyncio
import ssl
from types import TracebackType

import httpx

from deployments.sandbox.sending import LostError, Reply

SECONDS = 5.0


class Line:
    """POSTs to one address; use it as an async context."""

    def __init__(self, url: str) -> None:
        self._url = url
        # Over plain HTTP there are no certificates to read, which takes 40 ms.
        plain = url.startswith("http:")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if plain else ssl.create_default_context()
        self._http = httpx.AsyncClient(trust_env=False, verify=context, timeout=SECONDS)

    async def __aenter__(self) -> "Line":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def post(self, body: bytes, headers: dict[str, str]) -> Reply:
        """The answer; LostError if none comes in time."""
        try:
            async with asyncio.timeout(SECONDS):
                answer = await self._http.post(self._url, content=body, headers=headers)
        except TimeoutError as error:
            raise LostError(f"no answer within {SECONDS:g} s") from error
        except httpx.HTTPError as error:
            raise LostError(str(error) or type(error).__name__) from error
        return Reply(answer.status_code, answer.content, "set-cookie" in answer.headers)
