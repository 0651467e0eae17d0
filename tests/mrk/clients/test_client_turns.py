"""One client's turns: nobody else waits, and nothing is kept of who is gone."""

import trio

from mrk.clients.client_turns import ClientTurns


async def test_another_client_does_not_wait_for_it():
    turns = ClientTurns()
    async with turns.turn(1):
        async with turns.turn(2), turns.turn(None), turns.turn(None):
            pass
        with trio.move_on_after(0) as scope:
            async with turns.turn(1):
                pass
        assert scope.cancelled_caught
    assert turns._locks == {}
