"""paho behind a pipe: what the driver leans on, and packets of every kind with random contents."""

import random
import threading

import pytest

from config.settings.mqtt import MqttSettings
from mrk.mqtt.packets import encode_length
from transports.mqtt.paho_client import PahoClient, UnreadablePacket

CONNACK = {"v3.1.1": b"\x20\x02\x00\x00", "v5": b"\x20\x03\x00\x00\x00"}


def connected(protocol):
    settings = MqttSettings(address="x", mqtt_protocol=protocol)
    client = PahoClient(settings, "id", lambda: None)
    client.start(settings, 1000)
    client.read(CONNACK[protocol])
    assert client.accepted
    return client


def written(client):
    client.loop_write()
    return client.pipe.take()


@pytest.mark.parametrize("protocol", CONNACK)
def test_packets_go_to_the_pipe_and_come_from_it_without_a_thread(protocol):
    before = threading.active_count()
    client = connected(protocol)
    assert written(client)[0] == 0x10
    client.publish("t", b"payload", 0)
    assert b"payload" in written(client)
    client.ask("t", 1)
    assert written(client)[0] == 0x82
    assert client.socket() is client.pipe
    assert threading.active_count() == before


def test_it_wakes_its_driver_when_there_is_something_to_write():
    woken = []
    settings = MqttSettings(address="x")
    client = PahoClient(settings, "id", lambda: woken.append(1))
    client.start(settings, 1000)
    assert woken == [1]
    written(client)
    client.read(CONNACK["v3.1.1"])
    client.publish("t", b"", 0)
    assert woken == [1, 1]


def test_only_what_the_broker_acknowledges_counts_as_acknowledged():
    client = connected("v3.1.1")
    client.publish("t", b"", 0)
    number = client.publish("t", b"", 1).mid
    written(client)
    assert not client.acknowledged
    client.read(b"\x40\x02" + number.to_bytes(2))
    assert list(client.acknowledged) == [(number, None)]


@pytest.mark.parametrize("protocol", CONNACK)
@pytest.mark.parametrize("seed", range(4))
def test_random_packets_are_refused_in_one_way_only(protocol, seed):
    rng = random.Random(seed)
    for _ in range(400):
        client = connected(protocol)
        client.publish("t", b"", rng.randint(0, 2))
        client.ask("t", 0)
        written(client)
        try:
            for _ in range(5):
                body = bytearray(rng.randbytes(rng.choice((0, 1, 2, 3, 5, 12, 40))))
                if len(body) > 3 and rng.random() < 0.7:  # a likely topic, or identifier
                    body[:2] = rng.choice((b"\0\1", b"\0\2", b"\0\3"))
                client.read(bytes([rng.randrange(256)]) + encode_length(len(body)) + bytes(body))
                written(client)
        except UnreadablePacket:
            continue
