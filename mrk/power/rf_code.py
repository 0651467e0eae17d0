"""Codes of 433 MHz sockets (PT2262 and its kind) as levels and their lengths. Pure."""

PULSE_S = 350e-6
REPEATS = 10
_HIGH_LOW = {"0": (1, 3), "1": (3, 1)}
_SYNC = (1, 31)


def pulses(code: str) -> list[tuple[bool, float]]:
    """What the line does for a code of bits: all of it and a pause, ten times."""
    once: list[tuple[bool, float]] = []
    for high, low in [*(_HIGH_LOW[bit] for bit in code), _SYNC]:
        once += [(True, high * PULSE_S), (False, low * PULSE_S)]
    return once * REPEATS
