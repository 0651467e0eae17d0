"""The flicker of a real sensor, the same for the same moment.

Without it a temperature at rest never changes, and subscribers would hear nothing of it.
"""

import random
import zlib

# Klipper reads a heater's sensor about this often.
READING_S = 0.3


class SensorNoise:
    """Errors of at most `amplitude_c` degrees, a new one for each reading of the sensor `name`."""

    def __init__(self, amplitude_c: float, name: str) -> None:
        self._amplitude_c = amplitude_c
        self._seed = zlib.crc32(name.encode())

    def at(self, eventtime: float) -> float:
        """The error in degrees at that moment."""
        if not self._amplitude_c:
            return 0.0
        # Not hash(), which differs from process to process.
        reading = random.Random(self._seed * 1_000_003 + int(eventtime / READING_S))
        return self._amplitude_c * (2.0 * reading.random() - 1.0)
