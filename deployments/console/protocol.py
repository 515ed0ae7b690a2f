"""HTTP as uvicorn speaks it, without patience for those who only begin to ask."""

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

# Fewer than a process may have open. A proxy needs some dozens.
CONNECTIONS = 500
# Who has not asked anything whole within twice this is let go.
HEAD_SECONDS = 5.0


class Impatient(H11Protocol):
    """Takes so many connections, and closes one that neither is at a request nor rests between two, twice in a row.

    uvicorn itself waits for ever for the rest of a head.
    """

    _begun: Any = None
    _suspect = False

    def connection_made(self, transport: Any) -> None:
        """Look after it from now on, unless there are too many."""
        super().connection_made(transport)
        if len(self.connections) > CONNECTIONS:
            transport.abort()
            return
        self._look_later()

    def send_400_response(self, msg: str) -> None:
        """What is no HTTP gets no words either."""
        super().send_400_response("")

    def _look(self) -> None:
        if self.transport.is_closing():
            return
        at_it = self.cycle is not None and not self.cycle.response_complete
        rests = self.timeout_keep_alive_task is not None
        if at_it or rests or self.cycle is not self._begun:
            self._suspect = False
        elif self._suspect:
            self.transport.close()
            return
        else:
            self._suspect = True
        self._begun = self.cycle
        self._look_later()

    def _look_later(self) -> None:
        asyncio.get_running_loop().call_later(HEAD_SECONDS, self._look)
