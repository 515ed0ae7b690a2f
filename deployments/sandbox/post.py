"""The line to a receiver: POSTs over connections that are kept, with five seconds for each answer.

By hand, since a library takes longer for a POST than the stand-ins for a whole call: ten thousand events would be felt.
"""

import asyncio
import ssl
from types import TracebackType
from urllib.parse import urlsplit

from deployments.sandbox.sending import LostError, Reply

SECONDS = 5.0
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Line:
    """POSTs to one address; use it as an async context."""

    def __init__(self, url: str) -> None:
        at = urlsplit(url)
        self._tls = ssl.create_default_context() if at.scheme == "https" else None
        self._host, self._port = at.hostname, at.port or (443 if self._tls else 80)
        target = (at.path or "/") + (f"?{at.query}" if at.query else "")
        self._head = f"POST {target} HTTP/1.1\r\nhost: {at.netloc}\r\nuser-agent: sandbox\r\n"
        self._idle: list[Connection] = []

    async def __aenter__(self) -> "Line":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for _, writer in self._idle:
            writer.close()

    async def post(self, body: bytes, headers: dict[str, str]) -> Reply:
        """The answer; LostError if none comes in time, or none that is HTTP."""
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        request = f"{self._head}{lines}content-length: {len(body)}\r\n\r\n".encode() + body
        try:
            async with asyncio.timeout(SECONDS):
                return await self._exchange(request)
        except TimeoutError as error:
            raise LostError(f"no answer within {SECONDS:g} s") from error
        except (OSError, EOFError, ValueError, asyncio.LimitOverrunError) as error:
            raise LostError(str(error) or type(error).__name__) from error

    async def _exchange(self, request: bytes) -> Reply:
        reader, writer = await self._connection()
        keep = False
        try:
            writer.write(request)
            reply, keep = await _read(reader)
        finally:
            if keep:
                self._idle.append((reader, writer))
            else:
                writer.close()
        return reply

    async def _connection(self) -> Connection:
        while self._idle:
            reader, writer = self._idle.pop()
            if not (reader.at_eof() or reader.exception() or writer.is_closing()):
                return reader, writer
            writer.close()
        return await asyncio.open_connection(self._host, self._port, ssl=self._tls)


async def _read(reader: asyncio.StreamReader) -> tuple[Reply, bool]:
    """An answer, and whether the connection can be used again."""
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    version, code, *_ = first.split()
    status = int(code)
    if 100 <= status < 200:
        return await _read(reader)
    named = [line.partition(":") for line in lines]
    fields = {name.strip().lower(): value.strip().lower() for name, _, value in named}
    keep = version == "HTTP/1.1" and fields.get("connection") != "close"
    if status in (204, 304):
        body = b""
    elif "chunked" in fields.get("transfer-encoding", ""):
        body = await _chunks(reader)
    elif "content-length" in fields:
        body = await reader.readexactly(int(fields["content-length"]))
    else:
        body, keep = await reader.read(), False
    return Reply(status, body, "set-cookie" in fields), keep


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        body += (await reader.readexactly(size + 2))[:-2]
    while await reader.readuntil(b"\r\n") != b"\r\n":
        pass  # trailers say nothing that is asked
    return body
