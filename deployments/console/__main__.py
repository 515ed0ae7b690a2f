"""`python -m deployments.console`: takes webhooks, in the foreground."""

import argparse
import logging
import os
import sys

from deployments.console.serving import HOST, PORT, run
from deployments.following import call
from tasks.domain.errors import MonstockXeroError


def main() -> None:
    """Read the command line and serve; an error of ours is a sentence."""
    parser = argparse.ArgumentParser(prog="python -m deployments.console", description=__doc__)
    parser.add_argument("--host", default=HOST)
    parser.add_argument("--port", type=int, default=PORT)
    args = parser.parse_args()
    try:
        receive(args.host, args.port)
    except MonstockXeroError as error:
        sys.exit(str(error))


def receive(host: str, port: int) -> None:
    """Take webhooks, until it is ended; the process ends with it."""
    logging.basicConfig(format="%(asctime)s %(message)s")
    logging.getLogger("deployments.console").setLevel(logging.INFO)
    run(call, host, port)
    # What was answered is kept. A call that still waits for a Prefect server would hold this up; it is made again.
    logging.shutdown()
    os._exit(0)


if __name__ == "__main__":
    main()
