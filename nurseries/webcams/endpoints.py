"""server.webcams.*: list, change and try webcams."""

import msgspec

from mrk.api.caller import Caller
from mrk.api.endpoint import Access, Endpoint, NoParams, delete, get, post
from mrk.webcams.changes import WebcamParams, WhichParams
from mrk.webcams.webcam import Webcam
from nurseries.webcams.registry import WebcamList, Webcams
from nurseries.webcams.resolver import Resolver


class OneWebcam(msgspec.Struct, frozen=True):
    """The answer about one webcam."""

    webcam: Webcam


class TestResult(msgspec.Struct, frozen=True):
    """URLs as mrk reaches them, empty where they point nowhere."""

    name: str
    snapshot_reachable: bool
    snapshot_url: str
    stream_url: str


class WebcamEndpoints:
    """The declarations and handlers."""

    def __init__(self, webcams: Webcams, resolver: Resolver) -> None:
        self._webcams = webcams
        self._resolver = resolver

    def endpoints(self) -> list[Endpoint]:
        """What clients may ask."""
        item = "/server/webcams/item"
        return [
            get(
                "/server/webcams/list",
                self.list_webcams,
                "All webcams, disabled ones too.",
                Access.VIEW,
                result=WebcamList,
            ),
            get(item, self.get, "One webcam.", Access.VIEW, WhichParams, OneWebcam),
            post(
                item,
                self.post,
                "Add a webcam, or change a stored one.",
                Access.ADMIN,
                WebcamParams,
                OneWebcam,
            ),
            delete(item, self.delete, "Delete a stored one.", Access.ADMIN, WhichParams, OneWebcam),
            post(
                "/server/webcams/test",
                self.test,
                "Resolve a webcam's URLs as this host reaches them, and try its snapshot.",
                Access.OPERATE,
                WhichParams,
                TestResult,
            ),
        ]

    async def list_webcams(self, _params: NoParams, _caller: Caller) -> WebcamList:
        """All of them."""
        return WebcamList(await self._webcams.all_webcams())

    async def get(self, params: WhichParams, _caller: Caller) -> OneWebcam:
        """One of them; raises `ClientError` 400 or 404."""
        return OneWebcam(await self._webcams.webcam(params.uid, params.name))

    async def post(self, params: WebcamParams, _caller: Caller) -> OneWebcam:
        """Add or change one; raises `ClientError` 400 or 404."""
        return OneWebcam(await self._webcams.save(params))

    async def delete(self, params: WhichParams, _caller: Caller) -> OneWebcam:
        """Delete one and return it; raises `ClientError` 400 or 404."""
        return OneWebcam(await self._webcams.delete(params.uid, params.name))

    async def test(self, params: WhichParams, _caller: Caller) -> TestResult:
        """Try one; raises `ClientError` 400 or 404."""
        webcam = await self._webcams.webcam(params.uid, params.name)
        snapshot, stream, reachable = await self._resolver.test(webcam)
        return TestResult(webcam.name, reachable, snapshot, stream)
