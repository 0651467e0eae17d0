"""What can go wrong with an update; the texts are for a person."""

from mrk.errors import MrkError
from mrk.files.disk_space import NO_SPACE, is_full


class UpdateFailed(MrkError):
    """A step failed. `status` is what a client is answered: 400, or 500 for a broken step."""

    def __init__(self, message: str, status: int = 500) -> None:
        super().__init__(message)
        self.status = status


class UpdateRefused(UpdateFailed):
    """It was not begun: the item is not valid, modified, or a print is under way."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message, status)


def refused_by_system(error: OSError, failing: str) -> UpdateFailed:
    """What the system said to a step: 507 for a full disk, as everywhere, else 500."""
    return UpdateFailed(
        f"{failing}: {error.strerror or error}", NO_SPACE if is_full(error) else 500
    )
