from mrk.api.caller import Transport
from mrk.clients import Client, Clients
from mrk.etx import etx_frame
from mrk.outbox import Outbox, StatusUpdate


def add(clients: Clients, authorized: bool = True) -> Client:
    outbox = Outbox(etx_frame, 1000, lambda: None)
    client = Client(clients.next_id(), Transport.UNIX, outbox, authorized=authorized)
    clients.add(client)
    return client


def test_found_while_connected_and_departure_is_told_once() -> None:
    clients, gone = Clients(), list[int]()
    clients.on_departure(gone.append)
    one, two = add(clients), add(clients)
    assert one.id != two.id
    assert clients.get(one.id) is one
    assert clients.get(None) is None
    assert list(clients) == [one, two]
    clients.remove(one)
    clients.remove(one)
    assert (clients.get(one.id), len(clients), gone) == (None, 1, [one.id])


def test_strangers_are_not_notified() -> None:
    clients = Clients()
    known, stranger = add(clients), add(clients, authorized=False)
    clients.broadcast("notify_test", [1])
    assert known.outbox.take() == b'{"jsonrpc":"2.0","method":"notify_test","params":[1]}\x03'
    assert not stranger.outbox


def test_klippys_state_follows_the_status_before_it() -> None:
    clients = Clients()
    client = add(clients)
    client.outbox.status(StatusUpdate({"webhooks": {"state": "shutdown"}}, 1.0))
    clients.broadcast_klippy_state("notify_klippy_shutdown")
    first, second, _ = client.outbox.take().split(b"\x03")
    assert b"webhooks" in first
    assert b"notify_klippy_shutdown" in second
