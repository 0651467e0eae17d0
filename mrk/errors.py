"""Errors of mrk, by who has to act on them.

`Transient` says the outside world is away and trying again is right; `ClientError` says
what one caller did wrong or cannot have now. Anything else that escapes is a bug.
"""


class MrkError(Exception):
    """Base of every error raised on purpose by mrk."""


class Transient(MrkError):
    """The outside world is away (socket gone, host restarting); the supervisor retries.

    Not before `retry_after_s`, where the outside world has asked for that.
    """

    retry_after_s: float = 0.0


class GivenUp(MrkError):
    """An optional part must not be started again in this process."""


class ClientError(MrkError):
    """A request that cannot be answered as asked.

    `status` is an HTTP status (JSON-RPC transports keep it as the error code, except 401
    and 404); `message` is shown to a person; `data` travels in JSON-RPC's `data` member.
    """

    def __init__(self, message: str, status: int = 400, data: object = None) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.data = data


class AccessDenied(ClientError):
    """The caller may not (401, 403); `why` tells what the owner can set, in one sentence."""

    @property
    def why(self) -> str:
        """Where the message has to be one word for programs, the sentence is in `data`."""
        return self.data if isinstance(self.data, str) else self.message


def leaves(error: BaseException) -> list[BaseException]:
    """The errors of a group, groups within it opened; an error that is no group is its own leaf."""
    if not isinstance(error, BaseExceptionGroup):
        return [error]
    return [leaf for inner in error.exceptions for leaf in leaves(inner)]
