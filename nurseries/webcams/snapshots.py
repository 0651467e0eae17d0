"""One picture of a webcam for siblings, such as for a notification. Owns no task."""

from mrk.webcams.snapshots import NoSnapshot, Snapshot, photographed
from nurseries.webcams.registry import Webcams
from nurseries.webcams.resolver import Resolver


class WebcamSnapshots:
    """Implements `Snapshots`."""

    def __init__(self, webcams: Webcams, resolver: Resolver) -> None:
        self._webcams = webcams
        self._resolver = resolver

    async def snapshot(self, name: str = "") -> Snapshot:
        """`Snapshots.snapshot`."""
        chosen = photographed(await self._webcams.all_webcams(), name)
        if chosen is None:
            which = f"webcam '{name:.60}'" if name else "enabled webcam"
            raise NoSnapshot(f"there is no {which} with a snapshot_url")
        return await self._resolver.fetch(await self._resolver.resolve(chosen.snapshot_url))
