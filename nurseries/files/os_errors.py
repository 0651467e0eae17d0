"""What the system refused -> what a client is told."""

import errno

from mrk.errors import ClientError

_NO_SPACE = 507


def refusal(error: OSError, text: str) -> ClientError:
    """400 with the system's reason, 507 when there is no space left."""
    no_space = error.errno in (errno.ENOSPC, errno.EDQUOT)
    reason = error.strerror or type(error).__name__
    return ClientError(f"{text}: {reason}", _NO_SPACE if no_space else 400)
