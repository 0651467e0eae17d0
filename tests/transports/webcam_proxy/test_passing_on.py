"""Pictures, pages, signalling and websockets: who may have them, and what is bounded."""

import pytest
import trio
import trio.testing

from config.settings.webcam_proxy import CameraTarget
from mrk.definitions.roles import Role
from mrk.webcams.passing import BODY_BYTES
from mrk.webcams.webcam import CONFIGURED, Webcam
from tests.fakes.camera import MJPEG, opened, picture
from transports.webcam_proxy.snapshots import FETCH_S, KEPT_S, MOST_KEPT
from transports.webcam_proxy.tunnel import SEND_S, SILENCE_S

SNAPSHOT = "/webcam/?action=snapshot"
JPEG = b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: 4\r\n\r\njpeg"
HANDSHAKE = (
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
)
FAR = "203.0.113.9"


async def served(house, answer):
    call = await house.camera.taken()
    asked = await call.heard()
    await call.stream.send_all(answer)
    return call, asked


async def test_a_picture_is_shared_for_half_a_second(autojump_clock):
    async with opened() as (house, nursery):
        clients = [house.client(nursery) for _ in range(4)]
        for number, client in enumerate(clients[:3]):
            await client.ask(f"{SNAPSHOT}&cacheBust={number}")
        await served(house, JPEG)
        for client in clients[:3]:
            assert b"Content-Type: image/jpeg" in await client.until(b"\r\n\r\njpeg")
        await trio.sleep(KEPT_S - 0.1)
        await clients[3].ask(SNAPSHOT)
        assert await clients[3].status() == 200
        assert house.camera.opened == 1
        await trio.sleep(0.2)
        # The connection stays, for the next one.
        await clients[0].ask(SNAPSHOT)
        await served(house, JPEG)
        assert await clients[0].status() == 200
        assert house.camera.opened == 2


async def test_who_asked_first_may_leave():
    async with opened() as (house, nursery):
        first, second = house.client(nursery), house.client(nursery)
        await first.ask(SNAPSHOT)
        call = await house.camera.taken()
        await second.ask(SNAPSHOT)
        await trio.testing.wait_all_tasks_blocked()
        await first.stream.aclose()
        await call.heard()
        await call.stream.send_all(JPEG)
        assert await second.status() == 200
        assert house.camera.opened == 1


@pytest.mark.parametrize("how", ["away", "hangs", "silent", "large"])
async def test_a_picture_that_does_not_come(how, autojump_clock):
    async with opened() as (house, nursery):
        house.camera.away, house.camera.hangs = how == "away", how == "hangs"
        client = house.client(nursery)
        await client.ask(SNAPSHOT)
        if how == "large":
            await served(house, JPEG.replace(b": 4", b": 1001").replace(b"jpeg", b"x" * 1001))
        elif how == "silent":
            await house.camera.taken()
        with trio.fail_after(FETCH_S + 1):
            assert await client.status() == 502
        # It is not kept: the next one tries again.
        house.camera.away = house.camera.hangs = False
        other = house.client(nursery)
        await other.ask(SNAPSHOT)
        await served(house, JPEG)
        assert await other.status() == 200


async def test_what_is_no_picture_is_passed_on():
    async with opened() as (house, nursery):
        client = house.client(nursery)
        await client.ask("/webcam/photo.png", headers="If-None-Match: x\r\n")
        answer = b"HTTP/1.1 304 Not Modified\r\nEtag: x\r\n\r\n"
        await served(house, answer)
        _, asked = await served(house, answer)
        assert b"if-none-match: x" in asked
        assert await client.status() == 304


async def test_signalling():
    async with opened() as (house, nursery):
        client = house.client(nursery)
        kind = "Content-Type: application/sdp\r\n"
        await client.ask("/webcam/webrtc?x=1&access_token=", "POST", kind, b"offer")
        answer = b"HTTP/1.1 201 Created\r\nLocation: /webrtc/7\r\nContent-Length: 2\r\n\r\nok"
        call, asked = await served(house, answer)
        assert asked.startswith(b"POST /webrtc?x=1 HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n")
        assert asked.endswith(b"Content-Length: 5\r\nConnection: close\r\n\r\noffer")
        head = await client.until(b"\r\n\r\nok")
        assert b"Location: /webcam/webrtc/7\r\n" in head
        await call.closed()
        for method in ("PATCH", "DELETE"):
            await client.ask("/webcam/webrtc/7", method)
            await served(house, b"HTTP/1.1 204 No Content\r\n\r\n")
            assert await client.status() == 204


@pytest.mark.parametrize("length", [BODY_BYTES, BODY_BYTES + 1])
async def test_the_largest_body(length):
    async with opened() as (house, nursery):
        client = house.client(nursery)
        await client.ask("/webcam/webrtc", "POST", "", b"x" * length)
        if length == BODY_BYTES:
            call = await house.camera.taken()
            received = await call.heard()
            while len(received.partition(b"\r\n\r\n")[2]) < length:
                received += await call.stream.receive_some()
            await call.stream.send_all(b"HTTP/1.1 204 No Content\r\n\r\n")
            assert await client.status() == 204
        else:
            assert await client.status() == 413
            assert house.camera.opened == 0


async def test_a_long_answer_is_passed_on_as_it_comes():
    async with opened() as (house, nursery):
        client = house.client(nursery)
        await client.ask("/webcam/video.mp4")
        call, _ = await served(
            house,
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: video/mp4\r\n\r\n",
        )
        assert await client.status() == 200
        for text in (b"one", b"two"):
            await call.stream.send_all(b"3\r\n%s\r\n" % text)
            await client.until(text)
        assert len(house.proxy.viewers) == 1
        await call.stream.send_all(b"0\r\n\r\n")
        assert await client.rest() == b""
        other = house.client(nursery)
        await other.ask("/webcam/video.mp4")
        call, _ = await served(house, b"HTTP/1.1 200 OK\r\n\r\nthree")
        await other.until(b"three")
        await other.stream.aclose()
        await call.closed()
        await trio.testing.wait_all_tasks_blocked()
        assert len(house.proxy.viewers) == 0


async def test_what_a_viewer_may_do():
    async with opened() as (house, nursery):
        house.house.accounts.add_user("vic", Role.VIEW)
        for headers, method, target, status in (
            ("", "GET", SNAPSHOT, 401),
            ("Authorization: Bearer bad\r\n", "GET", SNAPSHOT, 401),
            ("Authorization: Bearer vic-token\r\n", "POST", "/webcam/control", 403),
            ("Authorization: Bearer vic-token\r\n", "GET", "/webcam/?action=command", 403),
            (
                "Authorization: Bearer vic-token\r\n" + HANDSHAKE,
                "GET",
                "/webcam/?action=command",
                403,
            ),
        ):
            client = house.client(nursery, FAR)
            await client.ask(target, method, headers)
            assert await client.status() == status
        assert house.camera.opened == 0
        client = house.client(nursery, FAR)
        await client.ask(SNAPSHOT, headers="Authorization: Bearer vic-token\r\n")
        _, asked = await served(house, JPEG)
        assert await client.status() == 200
        assert b"vic" not in asked


@pytest.mark.parametrize("headers", ["", HANDSHAKE])
async def test_who_may_see_nothing_does_not_learn_which_cameras_there_are(headers):
    async with opened() as (house, nursery):
        house.webcams.append(
            Webcam(name="bed", stream_url="/x", snapshot_url="http://h/s", source=CONFIGURED)
        )
        targets = ["/webcams/bed/snapshot", "/webcams/none/snapshot", "/webcam/..", "/webcam/%00"]
        for target in targets:
            client = house.client(nursery, FAR)
            await client.ask(target, headers=headers)
            assert await client.status() == 401
        assert house.camera.opened == 0


async def test_a_log_out_ends_streams_and_tunnels():
    async with opened() as (house, nursery):
        house.house.accounts.add_user("vic", Role.VIEW)
        viewer, tunnel = house.client(nursery, FAR), house.client(nursery, FAR)
        token = "Authorization: Bearer vic-token\r\n"
        await viewer.ask("/webcam/?action=stream", headers=token)
        stream, _ = await served(house, MJPEG + picture(b"x"))
        assert await viewer.status() == 200
        await tunnel.ask("/webcam/ws", headers=token + HANDSHAKE)
        other, _ = await served(house, b"HTTP/1.1 101 X\r\n\r\n")
        assert await tunnel.status() == 101
        house.house.clients.revoke("vic")
        await viewer.rest()
        await tunnel.rest()
        await stream.closed()
        await other.closed()


async def test_a_websocket_is_tunnelled():
    async with opened() as (house, nursery):
        client = house.client(nursery)
        await client.ask("/webcam/api/ws?src=bed", headers=HANDSHAKE)
        call, asked = await served(
            house, b"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: yes\r\n\r\nhello"
        )
        assert asked.startswith(b"GET /api/ws?src=bed HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n")
        assert b"sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n" in asked
        assert b"sec-websocket-accept: yes" in await client.until(b"\r\n\r\nhello")
        assert house.answered == {101: 1}
        await client.stream.send_all(b"\x81\x00up")
        assert await call.stream.receive_some() == b"\x81\x00up"
        await call.stream.send_all(b"down")
        await client.until(b"down")
        await client.stream.aclose()
        await call.closed()
        await trio.testing.wait_all_tasks_blocked()
        assert len(house.proxy.viewers) == 0


@pytest.mark.parametrize(
    ("headers", "status"),
    [("Origin: http://evil.example\r\n", 403), ("Sec-WebSocket-Protocol: x\r\n", 502)],
)
async def test_a_websocket_that_is_refused(headers, status):
    async with opened() as (house, nursery):
        client = house.client(nursery)
        await client.ask("/webcam/ws", headers=HANDSHAKE + headers)
        if status == 502:
            await served(house, b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        assert await client.status() == status
        assert house.answered == {status: 1}


async def test_a_camera_that_takes_nothing_behind_the_handshake(autojump_clock, caplog):
    async with opened() as (house, nursery):
        client = house.client(nursery)
        head = f"GET /webcam/ws HTTP/1.1\r\nHost: printer\r\n{HANDSHAKE}\r\n"
        await client.stream.send_all(head.encode() + b"\x81\x00")
        call = await house.camera.taken()
        await call.heard()
        call.stall()
        await call.stream.send_all(b"HTTP/1.1 101 X\r\n\r\n")
        assert await client.status() == 101
        with trio.fail_after(SEND_S + 1):
            await client.rest()
    assert caplog.text == ""


async def test_a_silent_tunnel_ends(autojump_clock):
    async with opened() as (house, nursery):
        client = house.client(nursery)
        await client.ask("/webcam/ws", headers=HANDSHAKE)
        call, _ = await served(house, b"HTTP/1.1 101 X\r\n\r\n")
        assert await client.status() == 101
        await trio.sleep(SILENCE_S - 1)
        await call.stream.send_all(b"a")
        await client.until(b"a")
        with trio.fail_after(SILENCE_S + 1):
            await client.rest()
        await call.closed()


async def test_no_request_names_a_target():
    async with opened() as (house, nursery):
        for target in (
            "/webcam/../server/info/../../x", "/webcam/%2e%2e/x", "/webcam/%2E%2E%2Fx",
            "/webcam/..%5cx", "/webcam/a%0d%0aX:%20y", "/webcam/%ff",
        ):  # fmt: skip
            client = house.client(nursery)
            await client.ask(target)
            assert await client.status() in (400, 404)
        assert house.camera.opened == 0
        for target in ("/webcam/http://169.254.169.254/", "/webcam//169.254.169.254/x"):
            client = house.client(nursery)
            await client.ask(target)
            call, _ = await served(house, b"HTTP/1.1 404 X\r\nContent-Length: 0\r\n\r\n")
            assert call.target == CameraTarget("127.0.0.1", 8080)
            assert await client.status() == 404


async def test_webcams_of_the_configuration_have_paths_and_stored_ones_none():
    async with opened() as (house, nursery):
        url = "http://10.0.0.7:81/cam/?action=snapshot"
        house.webcams += [
            Webcam(name="bed", stream_url="/x", snapshot_url=url, source=CONFIGURED),
            Webcam(name="stored", stream_url="/x", snapshot_url=url),
        ]
        client = house.client(nursery)
        await client.ask("/webcams/bed/snapshot")
        call, asked = await served(house, JPEG)
        assert call.target.host == "10.0.0.7"
        assert asked.startswith(b"GET /cam/?action=snapshot HTTP/1.1\r\nHost: 10.0.0.7:81\r\n")
        assert await client.status() == 200
        for target in ("/webcams/bed/stream", "/webcams/stored/snapshot", "/webcams/x/snapshot"):
            other = house.client(nursery)
            await other.ask(target)
            assert await other.status() == 404
        assert house.camera.opened == 1


@pytest.mark.parametrize("steps", range(8))
@pytest.mark.parametrize("target", ["/webcam/?action=stream", SNAPSHOT, "/webcam/page"])
async def test_a_client_that_leaves_at_any_moment_leaves_nothing(target, steps):
    async with opened() as (house, nursery):
        client = house.client(nursery)
        await client.ask(target)
        nursery.start_soon(_answering, house)
        for _ in range(steps * 2):
            await trio.lowlevel.checkpoint()
        await client.stream.aclose()
        with trio.fail_after(5):
            while len(house.proxy.viewers) or house.proxy._hubs or len(house.door._streams):
                await trio.testing.wait_all_tasks_blocked(0.01)
        assert await _still_works(house, nursery)


async def _answering(house):
    while True:
        call = await house.camera.taken()
        try:
            asked = await call.heard()
            await call.stream.send_all(MJPEG + picture(b"x") if b"=stream" in asked else JPEG)
        except (AssertionError, trio.BrokenResourceError, trio.ClosedResourceError):
            continue


async def _still_works(house, nursery):
    client = house.client(nursery)
    await client.ask("/webcam/?action=stream")
    return await client.status() == 200


async def test_head_has_no_length_of_its_own():
    async with opened() as (house, nursery):
        client = house.client(nursery)
        await client.ask("/webcam/page", "HEAD")
        _, asked = await served(house, b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\nEtag: x\r\n\r\n")
        assert asked.startswith(b"HEAD /page HTTP/1.1\r\n")
        head = await client.rest()
        assert head.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"Etag: x\r\n" in head
        assert b"Content-Length" not in head


async def test_many_different_pictures_at_once():
    async with opened() as (house, nursery):
        clients = [house.client(nursery) for _ in range(MOST_KEPT + 1)]
        for number, client in enumerate(clients):
            await client.ask(f"{SNAPSHOT}&size={number}")
            await trio.testing.wait_all_tasks_blocked()
        # The one beyond is passed on, as all that is not shared.
        assert house.camera.opened == MOST_KEPT + 1
        assert len(house.proxy.viewers) == 1
        for _ in clients:
            await served(house, JPEG)
        for client in clients:
            assert await client.status() == 200


@pytest.mark.parametrize(("interim", "status"), [(4, 200), (5, 502)])
async def test_interim_answers_are_not_passed_on(interim, status):
    async with opened() as (house, nursery):
        client = house.client(nursery)
        await client.ask("/webcam/page")
        early = b"HTTP/1.1 101 Switching\r\n\r\n" * (interim - 1) + b"HTTP/1.1 103 Early\r\n\r\n"
        await served(house, early + b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
        assert await client.status() == status
