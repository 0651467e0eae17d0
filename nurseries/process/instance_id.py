"""The installation's id, `<data>/.moonraker.uuid`: the same file and form as Moonraker's.

Read once at the start by the root, and made at the very first one. It seeds the uids of configured
webcams, so it outlives everything but a new data folder.
"""

import logging
import os
import uuid
from pathlib import Path

from config.whole_file import write_whole

logger = logging.getLogger(__name__)
# Enough for the id with dashes and a line break; anything longer is another file.
_MOST_BYTES = 64


def read_instance_id(path: Path) -> str:
    """32 hexadecimal digits; what cannot be kept is still good for this run. Blocks shortly."""
    try:
        with open(path, "rb", opener=_open) as file:
            return uuid.UUID(file.read(_MOST_BYTES).decode("ascii").strip()).hex
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as exc:
        logger.warning("%s holds no id (%s): a new one is made", path, exc)
    made = uuid.uuid4().hex
    try:
        write_whole(path, made.encode())
    except OSError as exc:
        logger.warning("the id of this installation cannot be kept: %s", exc)
    return made


def _open(path: str, flags: int) -> int:
    """A pipe would be waited for."""
    return os.open(path, flags | os.O_NONBLOCK)
