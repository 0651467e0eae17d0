"""What is known of the cloud, for those who tell it something; the connection changes it.

Owns no task. What is said while nobody listens is dropped; who tells of a state tells all of it to
each new connection.
"""

from collections.abc import Mapping
from typing import Any

import trio

from mrk.simplyprint.intervals import Intervals
from mrk.simplyprint.messages import BEFORE_SETUP, encode_message

# The whole state is some 20 messages; a console line may be one.
MESSAGES = 256
TERMINAL_MESSAGES = MESSAGES // 2


class CloudOutbox:
    """Messages of one connection, in order. `is_stuck` is set when they do not get away."""

    def __init__(self) -> None:
        self._put, self.messages = trio.open_memory_channel[str](MESSAGES)
        self.is_stuck = trio.Event()

    @property
    def waiting(self) -> int:
        """How many wait."""
        return self._put.statistics().current_buffer_used

    def put(self, message: str) -> None:
        """Never waits."""
        try:
            self._put.send_nowait(message)
        except trio.WouldBlock:
            self.is_stuck.set()


class Cloud:
    """`outgoing` is of the connection that there is, once the cloud has said who the printer is."""

    def __init__(self) -> None:
        self.intervals = Intervals()
        self.is_set_up = False
        self.wants_terminal = False
        self.outgoing: CloudOutbox | None = None
        self._begun = trio.Event()

    async def wait_begun(self) -> CloudOutbox:
        """The connection, once the cloud has said who the printer is to it."""
        while True:
            await self._begun.wait()
            if self.outgoing is not None:
                return self.outgoing

    def begin(self, outgoing: CloudOutbox, *, is_set_up: bool) -> None:
        """From now on it may be told things."""
        self.outgoing, self.is_set_up = outgoing, is_set_up
        self._begun.set()

    def end(self) -> None:
        """The connection is gone."""
        self.outgoing, self.wants_terminal = None, False
        if self._begun.is_set():  # somebody may wait for one that is not
            self._begun = trio.Event()

    def may_hear(self, kind: str) -> bool:
        """Whether such a message may go out now."""
        return self.is_set_up or kind in BEFORE_SETUP

    def send(self, kind: str, data: Mapping[str, Any] | None = None) -> None:
        """Never waits."""
        if self.outgoing is not None and self.may_hear(kind):
            self.outgoing.put(encode_message(kind, data))

    def send_line(self, kind: str, text: str) -> None:
        """A command or a response, while that is wanted; a flood of them is dropped."""
        flows = self.outgoing is not None and self.outgoing.waiting < TERMINAL_MESSAGES
        if self.wants_terminal and flows:
            self.send("term_update", {kind: text})
