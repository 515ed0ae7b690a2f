"""Says once in a while what may happen a thousand times a second."""

import logging
import time

log = logging.getLogger(__name__)

HOUR = 3600.0
AT_MOST = 200


class Seldom:
    """Logs a sentence when it is first said, and then once an hour with how often it was."""

    def __init__(self, every: float = HOUR) -> None:
        self._every = every
        self._said: dict[str, tuple[float, int]] = {}

    def say(self, sentence: str) -> None:
        """Of sentences there are a few; should there be more, the oldest is forgotten."""
        now = time.monotonic()
        since, times = self._said.get(sentence, (now - self._every, 0))
        if now - since < self._every:
            self._said[sentence] = since, times + 1
            return
        log.warning("%s%s", sentence, f" ({times} more times since it was last said here.)" if times else "")
        self._said[sentence] = now, 0
        if len(self._said) > AT_MOST:
            del self._said[next(iter(self._said))]
