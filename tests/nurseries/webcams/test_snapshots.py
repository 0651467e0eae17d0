"""One picture of a webcam, or the reason why there is none."""

import pytest

from config.settings.webcams import WebcamSettings
from mrk.clients.registry import Clients
from mrk.webcams.snapshots import NoSnapshot
from nurseries.webcams.registry import Webcams
from nurseries.webcams.resolver import PICTURE_BYTES, Resolver
from nurseries.webcams.snapshots import WebcamSnapshots
from tests.fakes.http_get import FakeHttp
from tests.fakes.items import MemoryItems

JPEG = {"content-type": "image/jpeg; x=y"}


def snapshots(http: FakeHttp) -> WebcamSnapshots:
    def webcam(name: str, url: str = "", enabled: bool = True) -> WebcamSettings:
        return WebcamSettings(
            name=name, stream_url="http://h/s", snapshot_url=url and f"http://198.51.100.7/{url}",
            enabled=enabled,
        )  # fmt: skip

    configured = [
        webcam("off", "off.jpg", enabled=False),
        webcam("streams only"),
        webcam("door", "door.jpg"),
        webcam("bed", "bed.jpg"),
    ]
    webcams = Webcams(configured, "0" * 32, MemoryItems(), Clients())
    return WebcamSnapshots(webcams, Resolver(http, is_ours=lambda _address: False))


async def test_the_first_usable_one_or_the_one_that_is_named():
    http = FakeHttp()
    http.put("http://198.51.100.7/door.jpg", b"door", **JPEG)
    http.put("http://198.51.100.7/bed.jpg", b"bed", **JPEG)
    found = await snapshots(http).snapshot()
    assert (found.body, found.content_type) == (b"door", "image/jpeg")
    assert (await snapshots(http).snapshot("bed")).body == b"bed"


@pytest.mark.parametrize("name", ["off", "streams only", "x"])
async def test_one_that_has_none(name):
    with pytest.raises(NoSnapshot, match=f"no webcam '{name}' with a snapshot_url"):
        await snapshots(FakeHttp()).snapshot(name)


@pytest.mark.parametrize(
    ("body", "status", "kind", "told"),
    [
        (b"<html>", 200, "text/html", "something that is not a picture"),
        (b"", 200, "image/jpeg", "something that is not a picture"),
        (b"x", 503, "image/jpeg", "answered with 503"),
        (bytes(PICTURE_BYTES + 1), 200, "image/jpeg", f"more than {PICTURE_BYTES} bytes"),
    ],
)
async def test_answers_that_are_no_picture(body, status, kind, told):
    http = FakeHttp()
    http.put("http://198.51.100.7/door.jpg", body, status, **{"content-type": kind})
    with pytest.raises(NoSnapshot, match=told):
        await snapshots(http).snapshot()


async def test_a_webcam_that_is_away():
    with pytest.raises(NoSnapshot, match="cannot be reached"):
        await snapshots(FakeHttp()).snapshot()
