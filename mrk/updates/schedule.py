"""When an item is looked for new versions: its interval, and the hours of the night.

Pure: times come in as arguments.
"""

# The newest look of any item: a second one by the deprecated argument of the status is skipped.
FRESH_S = 60.0
# How often it is looked whether something is due.
BEAT_S = 3600.0
# After a start, each after the one before: the network, and the clock of a board without a battery,
# come later than this server.
AGAIN_S = (60.0, 240.0, 600.0, 2700.0)


def in_window(hour: int, window: tuple[int, int]) -> bool:
    """Whether `hour` (0 to 23) lies between two hours, the second exclusive; may cross midnight."""
    first, last = window
    if first < last:
        return first <= hour < last
    return hour >= first or hour < last


def is_due(
    last_refresh: float, interval_s: float, now: float, stored_hash: str, config_hash: str
) -> bool:
    """Whether an item is to be looked at (Unix times): its time has come, or its section changed.

    A last look in the future is that of a clock that was wrong.
    """
    return (
        stored_hash != config_hash or now >= last_refresh + interval_s or last_refresh > now + 3600
    )
