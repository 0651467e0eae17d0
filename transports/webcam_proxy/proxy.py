"""The cameras' tasks and what is known of them: streams that are watched, pictures, viewers.

`serve` owns every stream's task and every fetch of a picture; it ends when cancelled.
"""

from collections.abc import Awaitable, Callable, Iterator

import trio

from config.settings.webcam_proxy import CameraTarget, WebcamProxySettings
from mrk.errors import ClientError
from mrk.log.throttle import LogThrottle
from mrk.metrics.family import COUNTER, GAUGE, MetricFamily, single
from transports.webcam_proxy.camera_connection import OpenCamera, connect
from transports.webcam_proxy.snapshots import SharedSnapshots
from transports.webcam_proxy.stream_hub import StreamHub
from transports.webcam_proxy.viewers import Viewers

# Streams of different addresses at once, over all cameras.
MOST_STREAMS = 50
# Addresses whose answers turned out to be something else than they looked like.
MOST_LEARNED = 200


class WebcamProxy:
    """What requests share; `open_camera` connects to one."""

    def __init__(self, settings: WebcamProxySettings, open_camera: OpenCamera = connect) -> None:
        self.settings = settings
        self.open_camera = open_camera
        self.viewers = Viewers(settings.viewers, settings.viewers_per_address)
        self.snapshots = SharedSnapshots(open_camera, self._start, settings.frame_bytes)
        self._nursery: trio.Nursery | None = None
        self._hubs: dict[tuple[CameraTarget, str], StreamHub] = {}
        self._learned: dict[tuple[CameraTarget, str], bool] = {}
        self._pictures = self._skipped = 0
        self._throttle = LogThrottle()

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Own the tasks."""
        try:
            async with trio.open_nursery() as nursery:
                self._nursery = nursery
                task_status.started()
                await trio.sleep_forever()
        finally:
            self._nursery = None
            self._hubs.clear()

    def _start(self, task: Callable[[], Awaitable[None]], name: str = "webcam picture") -> None:
        if self._nursery is None:
            raise ClientError("The webcam proxy does not run", 503)
        self._nursery.start_soon(task, name=name)

    def stream(self, target: CameraTarget, key: str, request: bytes) -> StreamHub:
        """The stream that is watched already, or a new one; watch it at once.

        Raises `ClientError` 503 when there are too many.
        """
        place = (target, key)
        hub = self._hubs.get(place)
        if hub is not None:
            return hub
        if len(self._hubs) >= MOST_STREAMS:
            raise ClientError(f"{MOST_STREAMS} different streams are watched, the limit", 503)

        def emptied(left: StreamHub) -> None:
            if self._hubs.get(place) is left:
                del self._hubs[place]
            self._pictures += left.pictures
            self._skipped += left.skipped

        most_bytes = self.settings.frame_bytes
        hub = StreamHub(self.open_camera, target, request, most_bytes, emptied, self._throttle)
        self._start(hub.run, f"webcam stream {target.host}:{target.port}")
        self._hubs[place] = hub
        return hub

    def learned(self, target: CameraTarget, key: str) -> bool | None:
        """Whether an address is a stream, as far as that was seen."""
        return self._learned.get((target, key))

    def learn(self, target: CameraTarget, key: str, *, is_stream: bool) -> None:
        """Remember what an address turned out to be."""
        if len(self._learned) >= MOST_LEARNED:
            self._learned.pop(next(iter(self._learned)))
        self._learned[target, key] = is_stream

    def families(self) -> Iterator[MetricFamily]:
        """For `/metrics`."""
        hubs = list(self._hubs.values())
        connected = sum(hub.connected for hub in hubs)
        pictures = self._pictures + sum(hub.pictures for hub in hubs)
        yield single("mrk_webcam_viewers", GAUGE, "Who watches cameras.", len(self.viewers))
        yield single("mrk_webcam_streams", GAUGE, "Connected streams of cameras.", connected)
        yield single("mrk_webcam_pictures", COUNTER, "Pictures of watched streams.", pictures)
        yield single(
            "mrk_webcam_skipped_pictures",
            COUNTER,
            "Pictures that were skipped for slow viewers, once they have left.",
            self._skipped + sum(hub.skipped for hub in hubs),
        )
