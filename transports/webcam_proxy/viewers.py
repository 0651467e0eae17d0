"""How many watch: bounded for each camera, and for each client. No task."""

import contextlib
from collections import Counter
from collections.abc import Iterator

from mrk.access.address import counted_as
from mrk.errors import ClientError


class Viewers:
    """Streams, websockets and long answers under way."""

    def __init__(self, per_camera: int, per_address: int) -> None:
        self._per_camera = per_camera
        self._per_address = per_address
        self._cameras: Counter[str] = Counter()
        self._addresses: Counter[str] = Counter()

    def __len__(self) -> int:
        return sum(self._cameras.values())

    @contextlib.contextmanager
    def counted(self, camera: str, address: str) -> Iterator[None]:
        """Count while inside; raises `ClientError` 503."""
        whose = counted_as(address)
        if self._cameras[camera] >= self._per_camera:
            raise ClientError(f"Camera '{camera}' has {self._per_camera} viewers, the limit", 503)
        if self._addresses[whose] >= self._per_address:
            raise ClientError(f"Your address watches {self._per_address} times, the limit", 503)
        self._cameras[camera] += 1
        self._addresses[whose] += 1
        try:
            yield
        finally:
            for counter, name in ((self._cameras, camera), (self._addresses, whose)):
                counter[name] -= 1
                if not counter[name]:
                    del counter[name]
