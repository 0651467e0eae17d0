"""One stream for many viewers: shared, skipped for slow ones, begun anew, ended behind the last."""

from contextlib import suppress

import pytest
import trio
import trio.testing
from msgspec.structs import replace

from mrk.errors import ClientError
from tests.fakes.camera import MJPEG, USUAL, CameraHouse, opened, picture
from transports.webcam_proxy.camera_connection import HEAD_S, SILENCE_S
from transports.webcam_proxy.camera_door import AWAY_S, FIRST_PICTURE_S
from transports.webcam_proxy.proxy import MOST_LEARNED, MOST_STREAMS

STREAM = "/webcam/?action=stream"


async def watching(house, nursery, count=1, target=STREAM, call=None):
    """Viewers that have seen one picture, and the camera's side of their stream."""
    viewers = [house.client(nursery) for _ in range(count)]
    for viewer in viewers:
        await viewer.ask(target)
    if call is None:
        call = await house.camera.taken()
        await call.heard()
        await call.stream.send_all(MJPEG)
    await trio.testing.wait_all_tasks_blocked()
    await call.stream.send_all(picture(b"first"))
    for viewer in viewers:
        assert b"multipart/x-mixed-replace; boundary=mrkpicture" in await viewer.until(b"\r\n\r\n")
        await viewer.until(b"first\r\n--mrkpicture\r\n")
    return viewers, call


async def test_one_connection_to_the_camera_for_all():
    async with opened() as (house, nursery):
        viewers, call = await watching(house, nursery, 5)
        await call.stream.send_all(picture(b"second"))
        for viewer in viewers:
            head = await viewer.until(b"\r\n\r\nsecond\r\n--mrkpicture\r\n")
            assert head == b"Content-Type: image/jpeg\r\nContent-Length: 6"
        (late,), _ = await watching(house, nursery, 1, STREAM + "&bypassCache=17", call)
        assert house.camera.opened == 1
        assert len(house.proxy.viewers) == 6
        for viewer in (*viewers, late):
            await viewer.stream.aclose()
        await call.closed()
        await trio.testing.wait_all_tasks_blocked()
        assert len(house.proxy.viewers) == 0


async def test_who_comes_behind_the_last_gets_a_new_stream():
    async with opened() as (house, nursery):
        (viewer,), call = await watching(house, nursery)
        await viewer.stream.aclose()
        await call.closed()
        await watching(house, nursery)
        assert house.camera.opened == 2


async def test_a_slow_viewer_skips_and_slows_nobody():
    async with opened() as (house, nursery):
        (slow, quick), call = await watching(house, nursery, 2)
        # Memory streams take any amount; this one takes no more until it is told to.
        held, pump = trio.Event(), slow.theirs.send_stream.send_all_hook

        async def later() -> None:
            await held.wait()
            await pump()

        slow.theirs.send_stream.send_all_hook = later
        for number in range(50):
            await call.stream.send_all(picture(b"number %02d" % number))
            await quick.until(b"number %02d\r\n--mrkpicture\r\n" % number)
        held.set()
        assert b"number 48" not in await slow.until(b"number 49\r\n--mrkpicture\r\n")
        await slow.stream.aclose()
        await quick.stream.aclose()
        await call.closed()
        await trio.testing.wait_all_tasks_blocked()
        assert counted(house, "mrk_webcam_pictures") == 51
        assert counted(house, "mrk_webcam_skipped_pictures") == 48


def counted(house, name):
    (sample,) = next(one for one in house.proxy.families() if one.name == name).samples
    return sample.value


@pytest.mark.parametrize("ends", ["eof", "junk", "too large", "silence"])
async def test_the_stream_comes_back_by_itself(ends, autojump_clock):
    async with opened() as (house, nursery):
        (viewer,), call = await watching(house, nursery)
        if ends == "eof":
            await call.stream.send_eof()
        elif ends == "junk":
            await call.stream.send_all(b"x" * 10_000)
        elif ends == "too large":
            await call.stream.send_all(b"--m\r\nContent-Length: 1001\r\n\r\n")
        else:
            assert SILENCE_S < AWAY_S
        again = await house.camera.taken()
        await again.heard()
        await again.stream.send_all(MJPEG + picture(b"again"))
        await viewer.until(b"again\r\n--mrkpicture\r\n")
        await call.closed()


async def test_retries_become_rarer(autojump_clock):
    async with opened() as (house, nursery):
        (viewer,), call = await watching(house, nursery)
        house.camera.away = True
        await call.stream.send_eof()
        await trio.sleep(AWAY_S - 1)
        assert 6 <= house.camera.opened <= 12
        # Then the viewer's answer ends: its page asks anew.
        with trio.fail_after(2):
            await viewer.rest()
        opened_now = house.camera.opened
        await trio.sleep(100)
        assert house.camera.opened == opened_now


@pytest.mark.parametrize("how", ["away", "hangs", "silent", "no picture", "status", "closes"])
async def test_what_cannot_be_shown(how, autojump_clock):
    async with opened() as (house, nursery):
        house.camera.away, house.camera.hangs = how == "away", how == "hangs"
        viewer = house.client(nursery)
        await viewer.ask(STREAM)
        if how in ("silent", "no picture", "status", "closes"):
            call = await house.camera.taken()
            await call.heard()
            if how == "no picture":
                await call.stream.send_all(MJPEG)
            elif how == "closes":
                await call.stream.send_eof()
            elif how == "status":
                await call.stream.send_all(b"HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n")
                call = await house.camera.taken()
                await call.heard()
                await call.stream.send_all(b"HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n")
        with trio.fail_after(max(HEAD_S, FIRST_PICTURE_S) + 1):
            assert await viewer.status() == (500 if how == "status" else 502)
        await viewer.stream.aclose()
        await trio.testing.wait_all_tasks_blocked()
        assert len(house.proxy.viewers) == 0


async def test_an_address_that_turns_out_to_be_a_stream_is_shared():
    async with opened() as (house, nursery):
        viewer = house.client(nursery)
        await viewer.ask("/webcam/odd")
        call = await house.camera.taken()
        await call.heard()
        await call.stream.send_all(MJPEG)
        await call.closed()
        call = await house.camera.taken()
        await call.heard()
        await call.stream.send_all(MJPEG + picture(b"first"))
        await viewer.until(b"first\r\n--mrkpicture\r\n")
        await watching(house, nursery, 2, "/webcam/odd", call)
        assert house.camera.opened == 2


PAGE = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nhi"


async def test_an_address_that_is_no_stream_is_passed_on():
    async with opened() as (house, nursery):
        # At first it is taken for a stream, and then it is known.
        for connections in (2, 1):
            viewer = house.client(nursery)
            await viewer.ask("/webcam/stream")
            for _ in range(connections):
                call = await house.camera.taken()
                await call.heard()
                await call.stream.send_all(PAGE)
            assert await viewer.status() == 200
        assert house.camera.opened == 3


async def test_too_many_viewers():
    settings = replace(USUAL, viewers=3, viewers_per_address=2)
    async with opened(settings=settings) as (house, nursery):
        _, call = await watching(house, nursery, 2)
        third = house.client(nursery)
        await third.ask(STREAM)
        assert await third.status() == 503
        assert b"Your address watches 2 times, the limit" in third.data
        other = house.client(nursery, "127.0.0.2")
        await other.ask(STREAM)
        await trio.testing.wait_all_tasks_blocked()
        await call.stream.send_all(picture(b"x"))
        assert await other.status() == 200
        fourth = house.client(nursery, "127.0.0.3")
        await fourth.ask(STREAM)
        assert await fourth.status() == 503
        assert b"Camera 'webcam' has 3 viewers, the limit" in fourth.data


async def test_the_service_ends_in_the_middle():
    house = CameraHouse()
    async with trio.open_nursery() as nursery:
        async with trio.open_nursery() as serving:
            await serving.start(house.proxy.serve)
            (viewer,), call = await watching(house, nursery)
            serving.cancel_scope.cancel()
        await call.closed()
        await viewer.rest()
        late = house.client(nursery)
        await late.ask(STREAM)
        assert await late.status() == 503
        nursery.cancel_scope.cancel()


async def test_who_leaves_before_the_first_picture_is_gone_at_once():
    async with opened() as (house, nursery):
        viewer = house.client(nursery)
        await viewer.ask(STREAM)
        call = await house.camera.taken()
        await call.heard()
        assert len(house.proxy.viewers) == 1
        await viewer.stream.aclose()
        await call.closed()
        await trio.testing.wait_all_tasks_blocked()
        assert len(house.proxy.viewers) == 0


@pytest.mark.parametrize("steps", range(12))
@pytest.mark.parametrize("ends", ["service", "door"])
async def test_an_end_at_any_moment_closes_every_connection(ends, steps):
    house = CameraHouse()
    calls = []

    async def answer() -> None:
        while True:
            call = await house.camera.taken()
            calls.append(call)
            with suppress(AssertionError, trio.BrokenResourceError, trio.ClosedResourceError):
                asked = await call.heard()
                await call.stream.send_all(ANSWERS[asked.partition(b" HTTP")[0]])

    async with trio.open_nursery() as nursery, trio.open_nursery() as camera:
        camera.start_soon(answer)
        async with trio.open_nursery() as serving, trio.open_nursery() as door:
            await serving.start(house.proxy.serve)
            clients = [house.client(door) for _ in ASKED]
            for client, (target, headers) in zip(clients, ASKED.items(), strict=True):
                await client.ask(target, headers=headers)
            for _ in range(steps * 3):
                await trio.lowlevel.checkpoint()
            (serving if ends == "service" else door).cancel_scope.cancel()
            if ends == "service":
                await trio.testing.wait_all_tasks_blocked()
                door.cancel_scope.cancel()
            else:
                serving.cancel_scope.cancel()
        with trio.fail_after(5):
            await trio.testing.wait_all_tasks_blocked()
            for call in calls:
                await call.closed()
        assert len(house.proxy.viewers) == 0
        camera.cancel_scope.cancel()
        nursery.cancel_scope.cancel()


HANDSHAKE = (
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
)
ASKED = {STREAM: "", "/webcam/?action=snapshot": "", "/webcam/page": "", "/webcam/ws": HANDSHAKE}
ANSWERS = {
    b"GET /?action=stream": MJPEG + picture(b"x"),
    b"GET /?action=snapshot": b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n\r\nbegun",
    b"GET /page": b"HTTP/1.1 200 OK\r\n\r\nbegun",
    b"GET /ws": b"HTTP/1.1 101 Switching\r\n\r\n",
}


async def test_many_different_streams_and_what_was_learned():
    async with opened() as (house, _nursery):
        target = house.settings.cameras[0].target
        hubs = [house.proxy.stream(target, f"/{number}", b"") for number in range(MOST_STREAMS)]
        with pytest.raises(ClientError, match=f"{MOST_STREAMS} different streams"):
            house.proxy.stream(target, "/more", b"")
        assert house.proxy.stream(target, "/0", b"") is hubs[0]
        for number in range(MOST_LEARNED + 1):
            house.proxy.learn(target, f"/{number}", is_stream=True)
        assert house.proxy.learned(target, "/0") is None
        assert house.proxy.learned(target, f"/{MOST_LEARNED}") is True


async def test_a_dead_camera_that_is_asked_for_again_and_again_is_one_line(caplog):
    async with opened() as (house, nursery):
        house.camera.away = True
        for _ in range(20):
            viewer = house.client(nursery)
            await viewer.ask(STREAM)
            assert await viewer.status() == 502
        assert house.camera.opened == 20
        assert len([text for text in caplog.messages if "it is away" in text]) == 1
