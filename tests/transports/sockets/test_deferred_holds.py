"""Calls that hold others back, of a client with so many in flight that they had to be deferred."""

import trio
from trio.testing import wait_all_tasks_blocked

from mrk.definitions.limits import Limits
from tests.transports.sockets.conftest import Daemon, connected


async def test_a_deferred_call_holds_back_those_deferred_behind_it() -> None:
    daemon = Daemon(Limits(requests_in_flight=2))
    async with connected(daemon.websocket.serve_connection) as (peer, _over, _scope):
        for size in (1, 2):
            await peer.call("test.wait", size, size=size)
        await peer.call("test.held", 3)
        await peer.call("test.wait", 4, size=4)
        await wait_all_tasks_blocked()
        daemon.release.set()
        await wait_all_tasks_blocked()
        assert daemon.begun == [1, 2]
        daemon.looked.set()
        with trio.fail_after(1.0):
            answers = [(await peer.message())["id"] for _ in range(4)]
        assert sorted(answers) == [1, 2, 3, 4]
        assert daemon.begun == [1, 2, 4]
