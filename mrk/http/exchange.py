"""One request with its body on the wire, as those see it who stream bodies.

The door implements it; uploads and downloads use it. One exchange per request, ended by one
answer.
"""

from collections.abc import Awaitable, Callable
from typing import Protocol

from mrk.http.head import RequestHead
from mrk.http.response import Response


class Exchange(Protocol):
    """Body in, answer out. Everything raises trio's `BrokenResourceError` when the client left."""

    @property
    def head(self) -> RequestHead:
        """The request's head."""
        ...

    @property
    def body_bytes(self) -> int | None:
        """Length of the request's body, None when only its end will tell."""
        ...

    @property
    def answered(self) -> bool:
        """Whether an answer was sent, or begun."""
        ...

    async def receive(self) -> bytes:
        """The next part of the body, empty at its end; asks a waiting client to go on.

        Raises `Refusal`: 400 for broken framing, 408 when too little arrives.
        """
        ...

    async def skip(self) -> None:
        """Read to the body's end and keep nothing of it: a body that nobody asked for.

        Raises `Refusal`: 413 past `unread_body_bytes`, 408 when it is not there in `unread_body_s`,
        400 for broken framing.
        """
        ...

    async def answer(self, response: Response) -> None:
        """Send a whole answer; the connection ends when the body was not read to its end."""
        ...

    async def answer_file(
        self, response: Response, descriptor: int, start: int, size_bytes: int
    ) -> None:
        """Send an answer whose body is a part of a file.

        A file that ends early ends the connection: its length was promised.
        """
        ...

    async def begin_answer(self, response: Response) -> None:
        """Send the head of an answer that goes on until one side ends the connection.

        What `response` has of a body goes with it.
        """
        ...

    async def send_part(self, data: bytes) -> None:
        """Send more of an answer that was begun; a client that takes nothing is gone."""
        ...

    @property
    def transport(self) -> object:
        """What carries the answer: who sends many small parts may ask whether it takes one now."""
        ...

    async def wait_left(self) -> None:
        """Return when the client has left; what it still sends is read and dropped."""
        ...


Transfer = Callable[[Exchange], Awaitable[None]]
