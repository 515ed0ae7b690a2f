"""Sends signed events at a steady rate, whether those before are answered or not, half of them each system's.

Prints a line of JSON: how long each that was answered with 2xx took, from the moment at which it was due, in seconds;
how long the whole took; how many were answered otherwise; and the ids of what was answered with 2xx.
"""

import asyncio
import json
import sys
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tests.console.served import monstock_body, monstock_headers, xero_body, xero_event, xero_signature

# As a proxy keeps open.
CONNECTIONS = 64


@dataclass
class Sent:
    """What came of it."""

    seconds: float = 0.0
    taken: list[float] = field(default_factory=list)
    answered: list[str] = field(default_factory=list)
    refused: int = 0


def request(number: int) -> tuple[str, bytes]:
    """An event of something that nobody has told of yet, and its id."""
    id_ = str(uuid.uuid4())
    if number % 2:
        raw = monstock_body(id_)
        path, headers = "monstock/sandbox", monstock_headers(raw, id_=f"msg-{id_}")
    else:
        raw = xero_body(xero_event(id_))
        path, headers = "xero", {"x-xero-signature": xero_signature(raw)}
    headers |= {"host": "receiver", "content-type": "application/json", "content-length": str(len(raw))}
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return id_, f"POST /webhooks/{path} HTTP/1.1\r\n{head}\r\n".encode() + raw


async def send(host: str, port: int, rate: float, requests: list[tuple[str, bytes]]) -> Sent:
    """Send them all, or as many as are answered before nobody answers any more."""
    sent = Sent()
    due: asyncio.Queue[tuple[float, str, bytes] | None] = asyncio.Queue()

    async def work() -> None:
        reader, writer = await asyncio.open_connection(host, port)
        while (one := await due.get()) is not None:
            at, id_, raw = one
            writer.write(raw)
            head = await reader.readuntil(b"\r\n\r\n")
            if head.startswith(b"HTTP/1.1 20"):
                sent.taken.append(time.perf_counter() - at)
                sent.answered.append(id_)
            else:
                sent.refused += 1

    async def steadily() -> None:
        for number, (id_, raw) in enumerate(requests):
            at = begun + number / rate
            while (early := at - time.perf_counter()) > 0:
                await asyncio.sleep(early)
            due.put_nowait((at, id_, raw))
        for _ in workers:
            due.put_nowait(None)

    begun = time.perf_counter()
    workers = [asyncio.create_task(work()) for _ in range(CONNECTIONS)]
    clock = asyncio.create_task(steadily())
    await asyncio.wait(workers)
    clock.cancel()
    for worker in workers:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            worker.result()
    sent.seconds = time.perf_counter() - begun
    return sent


def main() -> None:
    url, rate, seconds = sys.argv[1], float(sys.argv[2]), float(sys.argv[3])
    at = urlsplit(url)
    assert at.hostname
    assert at.port
    requests = [request(number) for number in range(int(rate * seconds))]
    print("ready", flush=True)
    sent = asyncio.run(send(at.hostname, at.port, rate, requests))
    print(json.dumps(vars(sent)))


if __name__ == "__main__":
    main()
