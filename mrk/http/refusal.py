"""Why the HTTP layer itself will not serve a request; the connection ends with it."""

from mrk.errors import ClientError


class Refusal(ClientError):
    """A request that cannot be read to its end: what follows it on the connection is lost."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message, status)
