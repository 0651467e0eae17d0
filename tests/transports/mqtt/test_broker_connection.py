"""The connection: brokers that go, come back, refuse, freeze, talk nonsense."""

import contextlib
import logging
import subprocess
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing

from config.secret import Secret
from mrk.errors import ClientError
from tests.fakes.mosquitto import run_mosquitto
from tests.polling import until
from tests.transports.mqtt.house import open_mqtt, open_stranger
from tests.transports.mqtt.proxy import open_proxy
from transports.mqtt.broker_session import ACCEPT_S

ONLINE, OFFLINE = {"server": "online"}, {"server": "offline"}
STATUS = "shop/moonraker/status"
# On a busy machine; what is not at once waits for a broker, or without end.
AT_ONCE_S = ACCEPT_S / 2


async def in_thread(sync):
    await trio.to_thread.run_sync(sync)


async def test_online_while_it_runs_and_offline_after(broker):
    async with open_stranger(broker, STATUS) as stranger:
        async with open_mqtt(broker.port):
            heard = await stranger.until(STATUS)
            assert (heard.json, heard.retain, heard.qos) == (ONLINE, False, 0)
            async with open_stranger(broker, STATUS) as late:
                heard = await late.until(STATUS)
                assert (heard.json, heard.retain) == (ONLINE, True)
        assert (await stranger.until(STATUS)).json == OFFLINE
    assert broker.said().count("disconnected.") >= 1  # it said goodbye


async def test_what_a_stranger_program_sees(broker):
    async with open_mqtt(broker.port):
        said = await trio.to_thread.run_sync(broker.mosquitto_sub, "-C", "1", "-t", STATUS)
        assert said == '{"server":"online"}\n'


async def test_the_last_will_when_the_connection_is_cut(broker):
    async with (
        open_stranger(broker, STATUS) as stranger,
        open_proxy(broker.port) as proxy,
        open_mqtt(proxy.port, default_qos=1) as shop,
    ):
        await stranger.until(STATUS, lambda heard: heard.json == ONLINE)
        await proxy.cut()
        heard = await stranger.until(STATUS, lambda heard: heard.json == OFFLINE)
        assert heard.qos == 1
        await stranger.until(STATUS, lambda heard: heard.json == ONLINE)
        assert shop.part.restarts == 1
        assert not shop.part.crashed


@pytest.mark.parametrize("end", ["stop", "kill"])
@pytest.mark.parametrize("protocol", ["v3.1.1", "v5"])
async def test_a_broker_that_is_restarted(broker, end, protocol):
    async with open_mqtt(broker.port, mqtt_protocol=protocol) as shop:
        heard = []
        shop.mqtt.listen("door", heard.append)
        for _ in range(2):
            await in_thread(getattr(broker, end))
            await until(lambda: not shop.mqtt.mqtt_connected)
            with pytest.raises(ClientError) as info:
                await shop.mqtt.publish("x", b"")
            assert info.value.status == 503
            await in_thread(broker.start)
            await shop.up()
            async with open_stranger(broker) as stranger:
                await stranger.publish("door", b"open", 1)
            await until(lambda: heard)
            assert heard == [b"open"]
            heard.clear()
        assert not shop.part.crashed


async def test_messages_that_wait_for_the_broker_fail_with_it(broker):
    async with open_mqtt(broker.port) as shop, trio.open_nursery() as nursery:
        errors = []

        async def publish(qos):
            try:
                await shop.mqtt.publish("x", b"y", qos)
            except ClientError as exc:
                errors.append(exc.status)

        broker.freeze()
        nursery.start_soon(publish, 1)
        nursery.start_soon(publish, 2)
        await trio.testing.wait_all_tasks_blocked(0.02)
        assert errors == []
        await in_thread(broker.kill)
        await until(lambda: errors == [503, 503])


@pytest.mark.e2e  # two seconds of silence
async def test_a_broker_that_falls_silent_is_noticed(broker):
    async with (
        open_proxy(broker.port) as proxy,
        open_mqtt(proxy.port, keepalive_s=1) as shop,
    ):
        proxy.stall()
        await until(lambda: "silent" in (shop.part.last_error or ""))
        proxy.flow()
        await shop.up()
        assert not shop.part.crashed


@pytest.mark.e2e  # Mosquitto looks every few seconds
async def test_the_broker_notices_a_client_that_falls_silent(broker):
    async with (
        open_stranger(broker, STATUS) as stranger,
        open_proxy(broker.port) as proxy,
        open_mqtt(proxy.port, keepalive_s=1),
    ):
        await stranger.until(STATUS, lambda heard: heard.json == ONLINE)
        proxy.stall()
        await stranger.until(STATUS, lambda heard: heard.json == OFFLINE)


async def test_the_end_does_not_wait_for_a_frozen_broker(broker):
    async with open_mqtt(broker.port):
        broker.freeze()
        began = trio.current_time()
    assert trio.current_time() - began < AT_ONCE_S


async def test_the_end_while_a_message_is_half_written(broker):
    """No goodbye can follow half a packet: the will says it."""
    async with (
        open_stranger(broker, STATUS) as stranger,
        open_proxy(broker.port) as proxy,
    ):
        async with open_mqtt(proxy.port) as shop:
            await stranger.until(STATUS, lambda heard: heard.json == ONLINE)
            proxy.stall()
            with contextlib.suppress(ClientError):
                while True:
                    shop.mqtt._broker.post("x", b"y" * 500_000, 0)
                    await trio.sleep(0.001)
            began = trio.current_time()
        assert trio.current_time() - began < AT_ONCE_S
        proxy.flow()
        await stranger.until(STATUS, lambda heard: heard.json == OFFLINE)


async def test_a_connection_that_follows_ends_what_is_left_of_the_last(broker):
    """The will of a connection that hangs must not be published after we are back."""
    async with open_stranger(broker, STATUS) as stranger, open_proxy(broker.port) as proxy:
        async with open_mqtt(proxy.port):
            await stranger.until(STATUS, lambda heard: heard.json == ONLINE)
            proxy.stall()
        async with open_mqtt(broker.port):
            seen = []
            while seen != [OFFLINE, ONLINE]:
                seen.append((await stranger.until(STATUS)).json)
        assert (await stranger.until(STATUS)).json == OFFLINE


async def test_user_and_password(tmp_path):
    with run_mosquitto(tmp_path, users={"mrk": "pass"}) as broker:
        options = {"username": Secret("mrk"), "password": Secret("pass")}
        async with open_mqtt(broker.port, **options) as shop:
            await shop.mqtt.publish("x", b"", 1)


@pytest.mark.parametrize("protocol", ["v3.1", "v3.1.1", "v5"])
@pytest.mark.parametrize(
    "options", [{}, {"username": Secret("mrk"), "password": Secret("planted-x")}]
)
async def test_bad_credentials_are_told_without_showing_them(tmp_path, caplog, options, protocol):
    caplog.set_level(logging.DEBUG)
    with run_mosquitto(tmp_path, users={"mrk": "pass"}) as broker:
        async with open_mqtt(broker.port, wait=False, mqtt_protocol=protocol, **options) as shop:
            await until(lambda: "check username, password" in (shop.part.last_error or ""))
            await until(lambda: shop.part.restarts > 1)
            assert not shop.mqtt.mqtt_connected
            assert not shop.part.crashed
    assert "planted-x" not in caplog.text


@pytest.fixture
def strict_broker(tmp_path):
    (tmp_path / "acl").write_text("topic readwrite shop/#\n")
    with run_mosquitto(tmp_path / "strict", f"acl_file {tmp_path / 'acl'}") as broker:
        yield broker


async def test_a_message_that_is_not_allowed(strict_broker):
    async with open_mqtt(strict_broker.port, mqtt_protocol="v5") as shop:
        with pytest.raises(ClientError, match="did not take") as info:
            await shop.mqtt.publish("secret/x", b"", 1)
        assert info.value.status == 403
        await shop.mqtt.publish("shop/x", b"", 1)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """A CA, and a certificate of it for 127.0.0.1 that serves both sides."""
    folder = tmp_path_factory.mktemp("tls")

    def openssl(*words):
        subprocess.run(["openssl", *words], check=True, capture_output=True, cwd=folder)

    key = ["-newkey", "rsa:2048", "-nodes", "-days", "2"]
    openssl("req", "-x509", *key, "-subj", "/CN=ca", "-keyout", "ca.key", "-out", "ca.pem")
    openssl("req", *key[:3], "-subj", "/CN=broker", "-keyout", "own.key", "-out", "own.csr")
    (folder / "ext").write_text("subjectAltName=IP:127.0.0.1\n")
    signing = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2"]
    openssl("x509", "-req", "-in", "own.csr", *signing, "-extfile", "ext", "-out", "own.pem")
    return folder


@pytest.fixture
def tls_broker(tmp_path, certificates):
    options = [
        f"cafile {certificates}/ca.pem",
        f"certfile {certificates}/own.pem",
        f"keyfile {certificates}/own.key",
        "require_certificate true",
    ]
    with run_mosquitto(tmp_path / "tls", "\n".join(options)) as broker:
        yield broker


def tls(certificates, **changes):
    return {
        "enable_tls": True,
        "tls_ca_path": certificates / "ca.pem",
        "tls_cert_path": certificates / "own.pem",
        "tls_key_path": certificates / "own.key",
    } | changes


async def test_tls_with_a_client_certificate(tls_broker, certificates):
    async with open_mqtt(tls_broker.port, **tls(certificates)) as shop:
        heard = []
        shop.mqtt.listen("x", heard.append)
        await shop.mqtt.publish("x", b"z" * 500_000, 2)
        await until(lambda: heard)
    assert "disconnected." in tls_broker.said()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"tls_ca_path": None}, "certificate"),
        ({"tls_cert_path": None, "tls_key_path": None}, "check"),
        ({"enable_tls": False}, "check port, enable_tls"),
        ({"address": "localhost"}, "mismatch"),
    ],
)
async def test_tls_that_does_not_fit(tls_broker, certificates, changes, told):
    options = tls(certificates, **changes)
    async with open_mqtt(tls_broker.port, wait=False, **options) as shop:
        await until(lambda: shop.part.last_error)
        assert told in shop.part.last_error
        assert not shop.part.crashed


async def test_tls_towards_a_broker_without(broker, certificates):
    async with open_mqtt(broker.port, wait=False, **tls(certificates)) as shop:
        await until(lambda: "no TLS with the MQTT broker" in (shop.part.last_error or ""))
        assert not shop.part.crashed


async def test_nobody_there():
    async with open_mqtt(1, wait=False) as shop:
        await until(lambda: "no MQTT broker at 127.0.0.1:1" in (shop.part.last_error or ""))
        await until(lambda: shop.part.restarts > 1)


async def test_an_address_that_no_name_can_have():
    async with open_mqtt(1, wait=False, address="192.168..5") as shop:
        await until(lambda: "no MQTT broker at 192.168..5:1" in (shop.part.last_error or ""))
        assert not shop.part.crashed


@asynccontextmanager
async def fake_broker(talk):
    """Anything that accepts; gives its port."""

    async def handle(stream):
        with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            await talk(stream)
        await trio.aclose_forcefully(stream)

    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with trio.open_nursery() as nursery:
        await nursery.start(trio.serve_listeners, handle, [listener])
        yield listener.socket.getsockname()[1]
        nursery.cancel_scope.cancel()


CONNACK, CONNACK_5 = b"\x20\x02\x00\x00", b"\x20\x03\x00\x00\x00"


@pytest.mark.parametrize(
    ("protocol", "said"),
    [
        ("v3.1.1", b"HTTP/1.1 400 Bad Request\r\n\r\n"),
        ("v3.1.1", b"\x00" * 100),
        ("v3.1.1", b"\x20\x00"),
        ("v3.1.1", b"\x20\x02\x00\x09"),
        ("v3.1.1", CONNACK + b"\x30\x01\x00"),
        ("v3.1.1", CONNACK + b"\x30\x05\x00\x09ab"),
        ("v3.1.1", CONNACK + b"\x36\x05\x00\x01abc"),
        ("v3.1.1", CONNACK + b"\x40\x00"),
        ("v3.1.1", CONNACK + b"\x90\xff\xff\xff\xff"),
        ("v3.1.1", CONNACK + b"\x90\x01\x00"),
        ("v3.1.1", CONNACK + b"\xf0\x00"),
        ("v5", CONNACK_5 + b"\x30\x08\x00\x01a\xff\xff\xff\xff\xff"),
        ("v5", CONNACK_5 + b"\x30\x06\x00\x01a\x02\x99\x99"),
        ("v5", b"\x20\x05\x00\x00\x02\x99\x00"),
        ("v5", CONNACK_5 + b"\xe0\x02\x8b\x00"),
    ],
)
async def test_a_broker_that_talks_nonsense(protocol, said):
    """It is left, and tried again; nothing of ours crashes."""

    async def talk(stream):
        await stream.receive_some()
        await stream.send_all(said)
        await stream.receive_some()

    async with (
        fake_broker(talk) as port,
        open_mqtt(port, wait=False, mqtt_protocol=protocol) as shop,
    ):
        await until(lambda: shop.part.restarts > 1)
        assert not shop.part.crashed, shop.part.last_error


@pytest.mark.parametrize("said", [b"", CONNACK[:1]])
async def test_cancelled_while_the_broker_says_nothing(said):
    seen = trio.Event()

    async def talk(stream):
        await stream.receive_some()
        await stream.send_all(said)
        seen.set()
        await trio.sleep_forever()

    async with fake_broker(talk) as port:
        async with open_mqtt(port, wait=False):
            await seen.wait()
            began = trio.current_time()
        assert trio.current_time() - began < AT_ONCE_S


async def test_cancelled_while_tls_is_not_answered():
    seen = trio.Event()

    async def talk(stream):
        await stream.receive_some()
        seen.set()
        await trio.sleep_forever()

    async with fake_broker(talk) as port:
        async with open_mqtt(port, wait=False, enable_tls=True):
            await seen.wait()
            began = trio.current_time()
        assert trio.current_time() - began < AT_ONCE_S


async def test_a_subscription_that_is_not_allowed(caplog):
    async def talk(stream):
        await stream.receive_some()
        await stream.send_all(CONNACK)
        while data := await stream.receive_some():
            at = data.find(b"\x82")  # SUBSCRIBE
            if at >= 0:
                await stream.send_all(b"\x90\x03" + data[at + 2 : at + 4] + b"\x80")

    async with fake_broker(talk) as port, open_mqtt(port) as shop:
        shop.mqtt.listen("secret/door", print)
        with pytest.raises(ClientError, match="refuses the subscription") as info:
            await shop.call("server.mqtt.subscribe", topic="secret/door", timeout=20)
        assert info.value.status == 403
        assert "secret/door" in caplog.text


async def test_a_listener_that_raises_harms_nobody(broker, caplog):
    async with open_mqtt(broker.port) as shop, open_stranger(broker) as stranger:
        heard = []
        shop.mqtt.listen("x", lambda payload: 1 / 0)
        shop.mqtt.listen("x", heard.append)
        await until_subscribed(shop, stranger, "x", heard)
        assert shop.part.restarts == 0
        assert "the listener to x failed" in caplog.text


async def until_subscribed(shop, stranger, topic, heard):
    with trio.fail_after(20):
        while not heard:
            await stranger.publish(topic, b"hello", 1)
