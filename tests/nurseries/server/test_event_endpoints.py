import msgspec
import pytest

from mrk.api.caller import Caller, Transport
from mrk.api.notification import notification
from mrk.api.table import Table
from mrk.clients.event_ring import EventRing
from mrk.errors import ClientError
from nurseries.server.event_endpoints import MOST_BYTES, MOST_EVENTS, EventEndpoints, Events


class Looker:
    """Asks again and again."""

    def __init__(self) -> None:
        self.ring = EventRing("e1", lambda: 0.0)
        self.table = Table(EventEndpoints(self.ring).endpoints())

    def ask(self, transport: Transport = Transport.HTTP, **arguments: object) -> Events:
        method = self.table.method("server.events.since", transport)
        answer = method.call(arguments, Caller(transport))
        assert isinstance(answer, Events)
        return answer

    def record(self, *values: object) -> None:
        for value in values:
            assert self.ring.record(notification("notify_test", [value]).payload) is not None


def values(answer: Events) -> list[object]:
    return [msgspec.json.decode(event)["params"][0] for event in answer.events]


@pytest.mark.parametrize("transport", [Transport.HTTP, Transport.MQTT, Transport.WEBSOCKET])
def test_events_by_asking(transport: Transport) -> None:
    looker = Looker()
    first = looker.ask(transport)
    assert (first.epoch, first.seq, first.continuity, first.events) == ("e1", 1, "begun", [])
    looker.record(1, 2, 3)
    # As a query string gives it: text.
    second = looker.ask(transport, epoch="e1", seq=str(first.seq), limit="2")
    assert (values(second), second.more, second.seq, second.newest) == ([1, 2], True, 3, 4)
    third = looker.ask(transport, epoch="e1", seq=second.seq)
    assert (values(third), third.more, third.continuity) == ([3], False, "complete")
    assert msgspec.json.decode(msgspec.json.encode(third))["events"][0]["seq"] == 4
    assert looker.ask(transport, epoch="e1", seq=third.seq).events == []


def test_what_is_lost_is_told() -> None:
    looker = Looker()
    looker.ask()
    looker.record(*range(5001))
    gap = looker.ask(epoch="e1", seq=1)
    assert (gap.continuity, gap.seq, gap.events) == ("gap", looker.ring.newest, [])
    assert gap.advice is not None
    other = looker.ask(epoch="e0", seq=1)
    assert (other.continuity, other.seq) == ("epoch_changed", looker.ring.newest)


def test_bounds_of_one_answer() -> None:
    looker = Looker()
    begin = looker.ask()
    looker.record(*range(MOST_EVENTS + 1))
    whole = looker.ask(epoch="e1", seq=begin.seq)
    assert (len(whole.events), whole.more) == (MOST_EVENTS, True)
    big = "x" * (MOST_BYTES // 2)
    looker.record(big, big)
    seq = looker.ring.newest - 2
    assert len(looker.ask(epoch="e1", seq=seq).events) == 1
    looker.record("x" * MOST_BYTES)
    assert len(looker.ask(epoch="e1", seq=looker.ring.newest - 1).events) == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": MOST_EVENTS + 1}, "1 to 1000"),
        ({"epoch": "e1"}, "belong together"),
        ({"seq": 1}, "belong together"),
        ({"epoch": "e1", "seq": 99}, "There is no event 99"),
        ({"epoch": "e1", "seq": "x"}, "seq"),
    ],
)
def test_bad_arguments(arguments: dict[str, object], told: str) -> None:
    with pytest.raises(ClientError, match=told) as refused:
        Looker().ask(**arguments)  # type: ignore[arg-type]
    assert refused.value.status == 400
