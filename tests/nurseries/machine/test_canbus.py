import errno
import gc
import threading
import uuid
from collections.abc import Callable
from typing import Any

import can
import msgspec
import pytest
import trio

from mrk.can.bus import CanBus, CanFailed, CanFrame
from mrk.errors import ClientError
from mrk.machine.netlink import Link, parse_links
from nurseries.machine.canbus import CanbusQuery
from nurseries.machine.python_can import PythonCanBus, open_python_can, open_socketcan
from tests.fakes import netlink
from tests.fakes.can_nodes import ANSWER_ID, KATAPULT, KLIPPER, CanNodes, answer

LISTEN_S = 0.5
ONE, TWO, THREE = "4b1f0c9a22de", "0000000000ff", "ffeeddccbbaa"


def links() -> list[Link]:
    return parse_links(
        netlink.link(2, "eth0")
        + netlink.can_link(3, "can0")
        + netlink.can_link(4, "can1", up=False, operation=2)
        + netlink.can_link(5, "can2", state=3, operation=2)
    )


def on(channel: str) -> Callable[[str, int], CanBus]:
    def open_bus(interface: str, can_id: int) -> CanBus:
        return open_python_can(channel, can_id, kind="virtual")

    return open_bus


@pytest.fixture
def channel() -> str:
    return uuid.uuid4().hex


def query(open_bus: Callable[[str, int], CanBus], **given: Any) -> CanbusQuery:
    given = {"read_links": links, "listen_s": LISTEN_S, "deadline_s": 5.0, **given}
    return CanbusQuery(open_bus=open_bus, **given)


async def ask(of: CanbusQuery, interface: str = "can0") -> list[tuple[str, str]]:
    found = msgspec.to_builtins(await of.nodes(interface))
    return [(n["uuid"], n["application"]) for n in found]


async def refusal(of: CanbusQuery, interface: str = "can0") -> ClientError:
    with pytest.raises(ClientError) as refused:
        await ask(of, interface)
    return refused.value


async def test_several_nodes_answer_at_the_same_instant(channel: str) -> None:
    nodes = [[answer(ONE, KLIPPER)], [answer(TWO, KATAPULT)], [answer(THREE)]]
    with CanNodes(channel, nodes).running():
        assert sorted(await ask(query(on(channel)))) == [
            (TWO, "Katapult"), (ONE, "Klipper"), (THREE, "Unknown"),
        ]  # fmt: skip


async def test_a_bus_without_unassigned_nodes(channel: str) -> None:
    assert await ask(query(on(channel))) == []


async def test_repeated_strange_and_foreign_frames(channel: str) -> None:
    def frame(can_id: int, data: bytes | bytearray, **kind: bool) -> can.Message:
        return can.Message(arbitration_id=can_id, data=data, **{"is_extended_id": False, **kind})

    strange = [
        frame(ANSWER_ID, b""),
        frame(ANSWER_ID, b"\x20\x01"),
        frame(ANSWER_ID, b"\x21" + bytes(7)),
        frame(0x123, answer(TWO, KLIPPER).data),
        frame(ANSWER_ID, answer(TWO, KLIPPER).data, is_extended_id=True),
        can.Message(arbitration_id=ANSWER_ID, is_remote_frame=True, dlc=8, is_extended_id=False),
        frame(ANSWER_ID, bytes(64), is_fd=True),
    ]
    replies = [*strange, answer(ONE, KLIPPER), answer(ONE, KLIPPER), answer(ONE, KATAPULT)]
    with CanNodes(channel, [replies]).running():
        assert await ask(query(on(channel))) == [(ONE, "Klipper")]


async def test_a_flood_ends_with_the_query(channel: str) -> None:
    ended = threading.Event()

    def flood() -> None:
        with can.Bus(channel, interface="virtual") as bus:
            while not ended.is_set():
                bus.send(can.Message(arbitration_id=ANSWER_ID, data=b"x", is_extended_id=False))
                bus.send(can.Message(arbitration_id=0x100, data=b"x", is_extended_id=False))
                ended.wait(0.0001)

    thread = threading.Thread(target=flood)
    thread.start()
    try:
        with CanNodes(channel, [[answer(ONE, KLIPPER)]]).running():
            with trio.fail_after(4):
                assert await ask(query(on(channel))) == [(ONE, "Klipper")]
    finally:
        ended.set()
        thread.join()


async def test_who_asks_meanwhile_shares_the_answer(channel: str) -> None:
    answers: list[list[tuple[str, str]]] = []
    of = query(on(channel))

    async def once() -> None:
        answers.append(await ask(of))

    with CanNodes(channel, [[answer(ONE, KLIPPER)]]).running() as nodes:
        async with trio.open_nursery() as nursery:
            for _ in range(10):
                nursery.start_soon(once)
        assert nodes.queries == 1
        await once()
        assert nodes.queries == 2
    assert answers == [[(ONE, "Klipper")]] * 11


class WatchedBus:
    """A bus without nodes that tells when it is listened to and closed."""

    def __init__(self, log: list[str], listening: threading.Event, failure: str = "") -> None:
        self._log, self._listening, self._failure = log, listening, failure

    def send(self, frame: CanFrame, within_s: float) -> None:
        self._log.append("sent")
        if self._failure == "send":
            raise CanFailed("no space")

    def receive(self, within_s: float) -> CanFrame | None:
        self._listening.set()
        if self._failure == "off":
            return CanFrame(0x40, bytes(8), plain=False, bus_off=True)
        if self._failure == "receive":
            raise CanFailed("the interface is down")
        threading.Event().wait(within_s)
        return None

    def close(self) -> None:
        self._log.append("closed")


async def test_interfaces_are_asked_one_after_the_other() -> None:
    log: list[str] = []
    of = query(
        lambda interface, can_id: WatchedBus(log, threading.Event()),
        read_links=list,
        listen_s=0.05,
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask, of, "can0")
        nursery.start_soon(ask, of, "can1")
    assert log == ["sent", "closed", "sent", "closed"]


async def test_a_cancelled_query_closes_its_bus_before_the_next_one() -> None:
    log: list[str] = []
    listening = threading.Event()
    buses = [WatchedBus(log, listening), WatchedBus(log, threading.Event(), "receive")]
    of = query(lambda interface, can_id: buses.pop(0), listen_s=30.0, deadline_s=60.0)
    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask, of)
            await trio.to_thread.run_sync(listening.wait, 5)
            nursery.cancel_scope.cancel()
        assert (await refusal(of)).status == 500
    assert log == ["sent", "closed", "sent", "closed"]


async def test_a_bus_that_hangs_ends_at_the_deadline() -> None:
    release = threading.Event()

    def hang(interface: str, can_id: int) -> CanBus:
        release.wait(10)
        raise CanFailed("too late")

    of = query(hang, deadline_s=0.1)
    try:
        error = await refusal(of)
        assert error.status == 503
        # The thread is still in there: the next one must not go in beside it.
        assert (await refusal(of)).status == 503
    finally:
        release.set()


@pytest.mark.parametrize(
    ("failure", "words"),
    [("send", "no space"), ("receive", "is down"), ("off", "went bus off")],
)
async def test_a_bus_that_fails_is_closed_and_said(failure: str, words: str) -> None:
    log: list[str] = []
    of = query(lambda interface, can_id: WatchedBus(log, threading.Event(), failure))
    error = await refusal(of)
    assert error.status == 500
    assert words in error.message
    assert log == ["sent", "closed"]


@pytest.mark.parametrize(
    ("interface", "status", "words"),
    [
        ("can7", 404, "There is no interface 'can7'; CAN interfaces here: can0, can1, can2"),
        ("eth0", 404, "is not a CAN interface"),
        ("can1", 500, "sudo ip link set can1 up"),
        ("can2", 500, "is bus off"),
    ],
)
async def test_interfaces_that_cannot_work(interface: str, status: int, words: str) -> None:
    error = await refusal(query(on("never opened")), interface)
    assert error.status == status
    assert words in error.message


async def test_a_name_that_no_interface_has() -> None:
    error = await refusal(query(on("never opened")), "../etc")
    assert error.status == 400
    assert "'interface' is '../etc', expected" in error.message


class RefusingBus:
    """A bus of python-can whose operations fail."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def send(self, *args: object, **kwargs: object) -> None:
        raise self._error

    def recv(self, *args: object, **kwargs: object) -> None:
        raise self._error

    def shutdown(self) -> None:
        raise self._error


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (can.CanOperationError("x", errno.ENETDOWN), "is down"),
        (can.CanOperationError("x", errno.ENOBUFS), "acknowledges"),
        (PermissionError(errno.EPERM, "Operation not permitted"), "may not use CAN sockets"),
        (OSError(errno.ENODEV, "No such device"), "no such CAN interface"),
        (ValueError("filedescriptor out of range in select()"), "close some clients"),
        (can.CanOperationError("Transmit buffer full"), "Transmit buffer full"),
    ],
)
def test_errors_say_what_to_do(error: Exception, words: str) -> None:
    errors = (can.CanError, OSError, ValueError)
    bus = PythonCanBus(RefusingBus(error), "can0", errors, can.Message)
    for use in (lambda: bus.send(CanFrame(1, b""), 0.1), lambda: bus.receive(0.1), bus.close):
        with pytest.raises(CanFailed, match=words):
            use()


class GivingBus:
    """A bus of python-can with one message in it."""

    def __init__(self, message: can.Message) -> None:
        self._message = message

    def recv(self, *args: object, **kwargs: object) -> can.Message:
        return self._message


@pytest.mark.parametrize(("error_class", "off"), [(0x40, True), (0x44, True), (0x20, False)])
def test_the_controllers_own_reports_are_no_answers(error_class: int, off: bool) -> None:
    report = can.Message(
        arbitration_id=error_class, is_error_frame=True, is_extended_id=False, data=bytes(8)
    )
    frame = PythonCanBus(GivingBus(report), "can0", (OSError,), can.Message).receive(0.1)
    assert frame is not None
    assert (frame.plain, frame.bus_off) == (False, off)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_a_host_without_the_interface_says_so() -> None:
    with pytest.raises(CanFailed, match=r"CAN interface 'no0': (there is no|this kernel has no)"):
        open_socketcan("no0", ANSWER_ID)
    gc.collect()  # python-can leaves its socket to the collector
