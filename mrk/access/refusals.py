"""Refused clients as the owner hears of them: lines for the log, and warnings in server.info.

A client that is turned away asks again and again, and anybody can ask. So each address has
one line per reason in a while, all together are bounded, and so is what is remembered.
`nurseries/access/refusal_log.py` has the clock and the log.
"""

# How long the same address is not named again for the same reason.
AGAIN_S = 600.0
# Lines of all addresses in any minute.
LINES_PER_MINUTE = 30
# Addresses and reasons that are remembered; the one told longest ago goes first.
MOST = 1000
# Of a reason that a client's own words are part of.
WHY_CHARS = 500
# Proxies that server.info warns of.
MOST_PROXIES = 4


class Refusals:
    """What was told already. `warnings` are for server.info."""

    def __init__(self) -> None:
        self.warnings: list[str] = []
        self._proxies: set[str] = set()
        # When it was told, and how often it happened since.
        self._told: dict[tuple[str, str], tuple[float, int]] = {}
        self._minute_began_s = float("-inf")
        self._lines = 0

    def __len__(self) -> int:
        return len(self._told)

    def line(self, address: str, why: str, now_s: float) -> str | None:
        """What the log says about a refusal; None when it said that already, or too much."""
        key = (address, why[:WHY_CHARS])
        told_s, more = self._told.get(key, (float("-inf"), 0))
        if now_s - told_s < AGAIN_S:
            self._told[key] = (told_s, more + 1)
            return None
        if now_s - self._minute_began_s >= 60:
            self._minute_began_s, self._lines = now_s, 0
        if self._lines >= LINES_PER_MINUTE:
            return None
        self._lines += 1
        self._told.pop(key, None)
        self._told[key] = (now_s, 0)
        if len(self._told) > MOST:
            del self._told[next(iter(self._told))]
        again = f" ({more} more times since this was last said)" if more else ""
        return f"refused {address}: {key[1]}{again}"

    def warn_of_proxy(self, address: str, why: str) -> None:
        """A trusted client passes on what others ask: once for each address."""
        if address not in self._proxies and len(self._proxies) < MOST_PROXIES:
            self._proxies.add(address)
            self.warnings.append(why)
