"""How a paired run is planned, what it pushes and when, and how it counts processor time."""

import itertools
import json
import os
import socket
import threading
import time

import pytest

from benchmarks import wire
from benchmarks.clients import Client, Lost, closing
from benchmarks.crowd import Crowd
from benchmarks.floor.answers import http_params, rpc_id, rpc_params
from benchmarks.floor.bare import spliced
from benchmarks.floor.clients import client_messages
from benchmarks.floor.programs import ANSWER_FLOORS
from benchmarks.klippy_replay import Recording
from benchmarks.paired.contenders import open_floor_contender
from benchmarks.paired.nine_objects import OBJECTS, changes, pushes
from benchmarks.paired.pacing import Delivery, beats, push_spaced
from benchmarks.paired.plan import SUBSCRIBERS
from benchmarks.paired.requests import QUESTIONS, WAYS
from benchmarks.paired.run import paired_plan
from benchmarks.paired.speed import Speed
from benchmarks.process import Meter, cpu_ns
from mrk.websocket.frames import text_frame

UPDATE = text_frame(b'{"jsonrpc":"2.0","method":"notify_status_update","params":[{},1.0]}')


class Served:
    """Subscribers whose server is this test; each `push` reaches those that are not left out."""

    def __init__(self, count, *, left_out=0):
        pairs = [socket.socketpair() for _ in range(count)]
        self.servers = [ours for ours, _ in pairs]
        self.clients = [Client(theirs, wire.WebsocketCutter()) for _, theirs in pairs]
        self._reached = self.servers[left_out:]
        self.sent_at = []

    def push(self):
        self.sent_at.append(time.monotonic())
        for server in self._reached:
            server.sendall(UPDATE)

    def __enter__(self):
        self.crowd = Crowd(self.clients)
        return self

    def __exit__(self, *_):
        self.crowd.close()
        with closing(self.clients):
            for server in self.servers:
                server.close()


def test_beats_do_not_shift():
    assert list(beats(100.0, 4, 4)) == [100.0, 100.25, 100.5, 100.75]


def test_pushes_are_spaced_and_all_are_delivered():
    with Served(3) as served:
        delivery = push_spaced(served.push, served.crowd, 3, rate=100, count=5)
    assert (delivery.received, delivery.merged) == (15, 0)
    assert len(delivery.delays_ns) == 5
    assert all(delay > 0 for delay in delivery.delays_ns)
    assert (
        served.sent_at[-1] - served.sent_at[0] >= 0.035
    )  # five beats of 10 ms, within a timer's 1


def test_a_push_that_does_not_arrive_counts_as_merged():
    with Served(3, left_out=1) as served:
        delivery = push_spaced(served.push, served.crowd, 3, rate=1000, count=4)
    assert (delivery.received, delivery.merged) == (8, 4)


def test_nothing_arriving_is_an_error():
    with Served(1, left_out=1) as served, pytest.raises(Lost, match="no status update"):
        push_spaced(served.push, served.crowd, 1, rate=1000, count=2)


def test_a_closed_subscriber_is_an_error():
    with Served(2, left_out=1) as served:
        served.servers[0].close()
        with pytest.raises(Lost, match="1 subscribers were closed"):
            push_spaced(served.push, served.crowd, 2, rate=1000, count=2)


def test_merged_updates():
    assert Delivery(pushes=10, subscribers=3, received=28).merged == 2


def test_each_push_changes_nine_objects_and_begins_no_print():
    found = list(itertools.islice(pushes(changes(Recording().deltas)), 100))
    times = []
    for data in found:
        assert data.endswith(b"\x03")
        params = json.loads(data[:-1])["params"]
        assert set(params["status"]) == set(OBJECTS)
        assert len(OBJECTS) == 9
        assert all(params["status"].values())
        assert not {"state", "filename"} & params["status"]["print_stats"].keys()
        times.append(params["eventtime"])
    assert times == sorted(set(times))


def test_the_floor_splices_what_klipper_sent():
    push = next(pushes(changes(Recording().deltas)))
    (message,) = wire.WebsocketCutter().feed(spliced(push[:-1]))
    sent = json.loads(push[:-1])["params"]
    assert json.loads(message) == {
        "jsonrpc": "2.0",
        "method": "notify_status_update",
        "params": [sent["status"], sent["eventtime"]],
    }


def test_what_is_asked_for_replaces_the_plan():
    plan = paired_plan(quick=True, rounds=7, subscribers=[3], rates=[50])
    assert (plan.rounds, plan.subscribers, plan.rates) == (7, (3,), (50,))
    assert plan.seconds(50) > 0
    plan = paired_plan(quick=False, rounds=None, subscribers=[], rates=[])
    assert plan.subscribers == SUBSCRIBERS
    assert plan.seconds(4) > plan.seconds(200)


def test_speed_is_told_with_its_ends():
    speed = Speed()
    speed.samples_ms = [12.0, 10.0, 11.0]
    assert speed.line().startswith("fixed piece of work: 11.0 ms (10.0 to 12.0, 3 times")


def test_processor_time_of_ended_threads_stays_counted():
    meter = Meter(os.getpid())
    thread = threading.Thread(target=lambda: sum(range(300_000)))
    thread.start()
    thread.join()
    after_ns = cpu_ns(os.getpid())
    assert meter.read().cpu_ns > 1_000_000
    assert cpu_ns(os.getpid()) >= after_ns


def test_there_is_no_processor_time_of_nobody():
    with pytest.raises(ProcessLookupError):
        cpu_ns(2**22 + 1)


# The floor of requests


def test_ids_and_params_are_cut_out_of_requests():
    message = wire.rpc("printer.objects.query", 7, {"objects": {"toolhead": None}})
    assert rpc_id(message) == b"7"
    assert json.loads(rpc_params(message)) == {"objects": {"toolhead": None}}
    assert rpc_id(wire.rpc("server.info", "setup 1")) == b'"setup 1"'


@pytest.mark.parametrize("size", [1, 125, 126, 65535, 65536])
def test_all_client_frames_of_a_read_are_unmasked(size):
    data = wire.client_frame(b"a" * size) + wire.client_frame(b"{}")
    assert client_messages(data) == [b"a" * size, b"{}"]


def test_names_in_a_path_become_klippers_params():
    path = b"/printer/objects/query?toolhead&heater_generic%20bed"
    expected = {"objects": {"toolhead": None, "heater_generic bed": None}}
    assert json.loads(http_params(path)) == expected


@pytest.mark.e2e
def test_the_floor_answers_both_questions_on_each_way():
    ((name, module),) = ANSWER_FLOORS.items()
    with open_floor_contender(name, module) as floor:
        for question in QUESTIONS:
            for way in WAYS:
                client = way.connect(floor.daemon)
                with closing([client]):
                    result = _ask(client, question)
                    assert "status" in result if question.params else result["klippy_connected"]


def _ask(client, question):
    if not isinstance(client.cutter, wire.HttpCutter):
        client.identify()
        return client.call(question.method, question.params)
    client.socket.sendall(wire.http_get(question.path, "localhost"))
    while not (found := client.receive()):
        pass
    return json.loads(found[0])["result"]
