"""Why a socket cannot be opened; each message says what to do about it."""

from mrk.errors import MrkError


class ListenError(MrkError):
    """A socket that cannot be opened."""


class NotYet(ListenError):
    """An address that this machine does not have now."""


class SocketInUse(ListenError):
    """Another daemon has this data folder."""
