"""Notifications that leave behind the answer of the call that caused them."""

import json

import trio
import trio.testing

from mrk.api.caller import Transport
from mrk.clients.outbox import Outbox
from mrk.clients.registry import AFTER_ANSWER_S, Client, Clients
from nurseries.server.notices_behind_answers import (
    MOST_WAITING,
    TASKS_TO_AN_ANSWER,
    NoticesBehindAnswers,
)


def connected(clients: Clients) -> Client:
    outbox = Outbox(lambda payload: payload + b"\n", 1 << 20, lambda: None)
    client = Client(clients.next_id(), Transport.WEBSOCKET, outbox, authorized=True)
    clients.add(client)
    return client


def heard(client: Client) -> list[object]:
    return [json.loads(line)["params"][0] for line in client.outbox.take().splitlines()]


async def test_behind_what_is_said_at_once_and_in_order(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    clients = Clients()
    client = connected(clients)
    await nursery.start(NoticesBehindAnswers(clients).serve)
    state = {"n": 1}
    clients.broadcast_behind_answer("notify_x", [state])
    state["n"] = 2
    await trio.sleep(AFTER_ANSWER_S / 2)
    clients.broadcast_behind_answer("notify_x", [state])
    client.outbox.reply(b'{"params":["the answer"]}')
    await trio.testing.wait_all_tasks_blocked()
    assert heard(client) == ["the answer"]
    await trio.sleep(AFTER_ANSWER_S * 0.75)
    assert heard(client) == [{"n": 1}]  # as it was when it happened
    await trio.sleep(AFTER_ANSWER_S)
    assert heard(client) == [{"n": 2}]


async def test_who_is_about_to_answer_does_so_first_however_late(
    nursery: trio.Nursery, mock_clock: trio.testing.MockClock
) -> None:
    """As when another program had the processor: the time is over, and nobody has run."""
    clients = Clients()
    client = connected(clients)
    await nursery.start(NoticesBehindAnswers(clients).serve)
    for number in range(20):  # which task runs first is the loop's choice
        clients.broadcast_behind_answer("notify_x", [number])
        mock_clock.jump(1.0)
        for _ in range(TASKS_TO_AN_ANSWER):
            await trio.lowlevel.checkpoint()
        client.outbox.reply(b'{"params":["the answer"]}')
        await trio.testing.wait_all_tasks_blocked()
        assert heard(client) == ["the answer", number]


async def test_a_flood_waits_for_no_answer_and_an_end_loses_nothing(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    clients = Clients()
    client = connected(clients)
    async with trio.open_nursery() as inner:
        await inner.start(NoticesBehindAnswers(clients).serve)
        for number in range(MOST_WAITING + 2):
            clients.broadcast_behind_answer("notify_x", [number])
        assert heard(client) == [0, 1]
        inner.cancel_scope.cancel()
    assert heard(client) == list(range(2, MOST_WAITING + 2))


async def test_at_once_where_nobody_sends_it_later() -> None:
    clients = Clients()
    client = connected(clients)
    clients.broadcast_behind_answer("notify_x", [1])
    assert heard(client) == [1]
