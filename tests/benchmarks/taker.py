"""A receiver by which nobody is called, in a process of its own; it says where it listens."""

import logging

from deployments.console.serving import run

if __name__ == "__main__":
    logging.basicConfig()
    logging.getLogger("deployments.console").setLevel(logging.INFO)
    run(lambda _: None, port=0)
