"""What callers of Klippy need to tell apart; everything else is a plain `ClientError`."""

from mrk.errors import ClientError


class KlippyLost(ClientError):
    """The link broke while a request was waiting."""

    def __init__(self) -> None:
        super().__init__("Klippy Disconnected", 503)
