"""Reads the bodies of requests, and no more of them than can be meant."""

import asyncio

from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

# Of one body, as nginx takes by default; and of all that are being read at once.
BODY_BYTES = 2**20
ROOM_BYTES = 64 * 2**20
READ_SECONDS = 2.0


class Bodies:
    """What is being read, together."""

    def __init__(self) -> None:
        self._held = 0

    async def read(self, request: Request) -> bytes:
        """The whole body. Raises `HTTPException`: 413 too long, 408 too slow, 503 too much at once, 400 broken off."""
        length = request.headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > BODY_BYTES:
            raise HTTPException(413)
        body = bytearray()
        try:
            async with asyncio.timeout(READ_SECONDS):
                async for chunk in request.stream():
                    body += chunk
                    self._held += len(chunk)
                    if len(body) > BODY_BYTES:
                        raise HTTPException(413)
                    if self._held > ROOM_BYTES:
                        raise HTTPException(503)
        except TimeoutError:
            raise HTTPException(408) from None
        except ClientDisconnect:
            raise HTTPException(400) from None
        finally:
            self._held -= len(body)
        return bytes(body)
