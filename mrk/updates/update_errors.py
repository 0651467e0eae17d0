"""What can go wrong with an update; the texts are for a person."""

from mrk.errors import MrkError


class UpdateFailed(MrkError):
    """A step failed. `status` is what a client is answered: 400, or 500 for a broken step."""

    def __init__(self, message: str, status: int = 500) -> None:
        super().__init__(message)
        self.status = status


class UpdateRefused(UpdateFailed):
    """It was not begun: the item is not valid, modified, or a print is under way."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message, status)
