"""How much one agent may send: a store that fills at a steady rate and is emptied by use.

Pure; time comes in as an argument. One `TokenBucket` belongs to one agent and dies with it.
"""


class TokenBucket:
    """Starts with `burst`, gains `per_s` each second, and never holds more than `burst`."""

    def __init__(self, burst: float, per_s: float, now: float) -> None:
        self._burst = burst
        self._per_s = per_s
        self._left = burst
        self._since = now

    def left(self, now: float) -> float:
        """What could be taken at `now` (seconds on any steady clock)."""
        gained = max(0.0, now - self._since) * self._per_s
        return min(self._burst, self._left + gained)

    def take(self, amount: float, now: float) -> bool:
        """Take `amount` if there is as much; otherwise take nothing and return False."""
        left = self.left(now)
        if amount > left:
            return False
        self._left, self._since = left - amount, now
        return True
