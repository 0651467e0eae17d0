from mrk.access.reasons import Reason
from mrk.api.caller import Transport
from mrk.clients.outbox import Outbox
from mrk.clients.registry import Client, Clients
from mrk.definitions.roles import Role
from mrk.klippy.etx import etx_frame
from mrk.status.update import StatusUpdate
from tests.fakes.accounts import user


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
    assert not stranger.outbox.has_output


def test_klippys_state_follows_the_status_before_it() -> None:
    clients = Clients()
    client = add(clients)
    client.outbox.status(StatusUpdate({"webhooks": {"state": "shutdown"}}, 1.0))
    clients.broadcast_klippy_state("notify_klippy_shutdown")
    first, second, _ = client.outbox.take().split(b"\x03")
    assert b"webhooks" in first
    assert b"notify_klippy_shutdown" in second


def test_a_log_out_reaches_a_users_connections_only() -> None:
    clients = Clients()
    ann, bob, unix = (add(clients, authorized=False) for _ in range(3))
    ann.transport = bob.transport = Transport.WEBSOCKET
    for client, name in ((ann, "ann"), (bob, "bob"), (unix, "ann")):
        clients.authorize(client, user(name, Role.OPERATE), Reason.LOGIN)
        assert (client.authorized, client.role, client.reason) == (True, Role.OPERATE, Reason.LOGIN)
    told: list[tuple[str, list[Client]]] = []
    clients.on_revoked(lambda name, shut_out: told.append((name, shut_out)))
    clients.change_role("ann", Role.VIEW)
    assert [client.role for client in clients] == [Role.VIEW, Role.OPERATE, Role.VIEW]
    ann.outbox.status(StatusUpdate({"a": {"b": 1}}, 1.0))
    clients.revoke("ann")
    assert told == [("ann", [ann])]
    assert not ann.outbox.has_output
    assert (ann.authorized, ann.user, ann.reason) == (False, None, Reason.REVOKED)
    assert (bob.authorized, bob.user) == (True, "bob")
    assert (unix.authorized, unix.user, unix.role) == (True, None, Role.ADMIN)


def test_what_is_bound_to_a_user_ends_once() -> None:
    clients, ended = Clients(), list[str]()
    needed = Role.OPERATE
    with (
        clients.bound_to("ann", needed, lambda: ended.append("ann")),
        clients.bound_to(None, needed, ended.clear),
    ):
        clients.revoke("bob")
        assert ended == []
        clients.revoke("ann")
    clients.revoke("ann")
    assert ended == ["ann"]


def test_what_needs_a_role_ends_with_it() -> None:
    clients, ended, told = Clients(), list[str](), list[str]()
    clients.on_role_changed(told.append)
    with clients.bound_to("ann", Role.OPERATE, lambda: ended.append("ann")):
        clients.change_role("bob", Role.VIEW)
        clients.change_role("ann", Role.ADMIN)
        clients.change_role("ann", Role.OPERATE)
        assert ended == []
        clients.change_role("ann", Role.VIEW)
    clients.change_role("ann", Role.VIEW)
    assert ended == ["ann"]
    assert told == ["bob", *["ann"] * 4]
