"""One of several processes that call Xero by one consent, without a pause, until its input ends.

Prints a line when it is ready, and at the end how many calls were answered.
"""

import sys
from select import select

from tasks.connections.connection import open_connection

if __name__ == "__main__":
    xero = open_connection("sandbox").xero
    print("ready", flush=True)
    answered = 0
    while not select([sys.stdin], [], [], 0.002)[0]:
        answered += xero.organisation()["Name"] == "Sandbox Trading Ltd"
    print(answered, xero.http.calls.total())
