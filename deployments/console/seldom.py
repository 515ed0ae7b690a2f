"""Says once in a while what may happen a thousand times a second."""

import logging
import time

log = logging.getLogger(__name__)

HOUR = 3600.0
AT_MOST = 200
MORE = f"More than {AT_MOST} different things are odd: those that are new are not said here for now."


class Seldom:
    """Logs a sentence when it is first said, and then once an hour with how often it was."""

    def __init__(self, every: float = HOUR) -> None:
        self._every = every
        self._said: dict[str, tuple[float, int]] = {}  # the longest ago first

    def say(self, sentence: str) -> None:
        """Of sentences there are a few; should there be more within the hour, one says that for all of them."""
        now = time.monotonic()
        self._say(sentence if self._has_room(sentence, now) else MORE, now)

    def _say(self, sentence: str, now: float) -> None:
        since, times = self._said.get(sentence, (now - self._every, 0))
        if now - since < self._every:
            self._said[sentence] = since, times + 1
            return
        log.warning("%s%s", sentence, f" ({times} more times since it was last said here.)" if times else "")
        self._said.pop(sentence, None)
        self._said[sentence] = now, 0

    def _has_room(self, sentence: str, now: float) -> bool:
        """Whether it is among those that are known, or may be; what was not said for an hour makes room."""
        if sentence in self._said or len(self._said) < AT_MOST:
            return True
        oldest = next(iter(self._said))
        if now - self._said[oldest][0] < self._every:
            return False
        del self._said[oldest]
        return True
