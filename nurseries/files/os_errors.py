"""What the system refused -> what a client is told."""

from mrk.errors import ClientError
from mrk.files.disk_space import NO_SPACE, is_full


def refusal(error: OSError, text: str) -> ClientError:
    """400 with the system's reason, 507 when there is no space left."""
    reason = error.strerror or type(error).__name__
    return ClientError(f"{text}: {reason}", NO_SPACE if is_full(error) else 400)
