"""`python -m deployments.sandbox`: both systems in the foreground."""

import argparse
from pathlib import Path

from deployments.sandbox.server import run


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m deployments.sandbox", description=__doc__)
    parser.add_argument("--state", type=Path, help="folder of the state; in memory if left out")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--monstock-port", type=int, default=8401)
    parser.add_argument("--xero-port", type=int, default=8402)
    parser.add_argument("--no-seed", action="store_true", help="start empty")
    parser.add_argument("--no-limits", action="store_true", help="no call limits")
    args = parser.parse_args()
    run(args.state, args.monstock_port, args.xero_port, args.host, not args.no_seed, not args.no_limits)


if __name__ == "__main__":
    main()
