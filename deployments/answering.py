"""`python -m deployments.answering`: ends well if a `monstock-xero follow` of this machine waits for what is next.

The Prefect server knows who waits for background tasks, and forgets whoever hangs or is cut off. For a health check: it
is quick, for it does without Prefect.
"""

import json
import os
import socket
import sys
from base64 import b64encode
from urllib.request import Request, urlopen

SECONDS = 4.0


def main() -> None:
    """Say what is wrong, if anything, and end with 1 then."""
    try:
        here = [name for name in _waiting() if name.startswith(f"{socket.gethostname()}-")]
    except OSError as error:
        sys.exit(f"The Prefect server does not answer: {type(error).__name__}.")
    if not here:
        sys.exit("The Prefect server knows of nobody here who follows events.")


def _waiting() -> list[str]:
    """Those that wait for tasks, each as its machine and process."""
    url, password = os.environ["PREFECT_API_URL"], os.environ.get("PREFECT_API_AUTH_STRING", "")
    headers = {"content-type": "application/json"}
    if password:
        headers["authorization"] = f"Basic {b64encode(password.encode()).decode()}"
    request = Request(f"{url.rstrip('/')}/task_workers/filter", b"{}", headers)  # noqa: S310 - the operator's own
    with urlopen(request, timeout=SECONDS) as answer:  # noqa: S310
        return [worker["identifier"] for worker in json.load(answer)]


if __name__ == "__main__":
    main()
