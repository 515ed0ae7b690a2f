"""The live way on the command line: what takes webhooks, and what follows them."""

from typing import Annotated

import typer


def receive(
    host: Annotated[str, typer.Option(help="Where to listen; TLS is a reverse proxy's work.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535)] = 8400,
) -> None:
    """Take webhooks from Monstock and Xero, until Ctrl-C."""
    from deployments.console.__main__ import receive as take

    take(host, port)


def follow() -> None:
    """Bring over what the receiver was told of, until Ctrl-C."""
    from deployments.following import main

    main()
