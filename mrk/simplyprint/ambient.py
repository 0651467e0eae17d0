"""The temperature of the room: a sensor's, else that of a nozzle that has long been cold. Pure."""

COLD_S = 300.0
STEADY_S = 60.0
_STEADY_C = 1.0
_WARMEST_C = 60.0


class AmbientGuess:
    """`value` is the guess in °C, None before there was one."""

    def __init__(self, value: float | None = None) -> None:
        self.value = value
        self._cold_since: float | None = None
        self._steady_since = 0.0
        self._steady_at = 0.0

    def feed(self, temperature: float | None, target: float, now_s: float) -> float | None:
        """Take the nozzle's temperature, and give the guess."""
        if temperature is None or target > 0 or not 0 < temperature < _WARMEST_C:
            self._cold_since = None
            return self.value
        if self._cold_since is None:
            self._cold_since = self._steady_since = now_s
            self._steady_at = temperature
        if abs(temperature - self._steady_at) > _STEADY_C:
            self._steady_since, self._steady_at = now_s, temperature
        if now_s - self._cold_since >= COLD_S and now_s - self._steady_since >= STEADY_S:
            self.value = temperature
        return self.value
