"""Options that named a folder before there was a data folder: `config_path` and its like.

As Moonraker's migration does, the usual place becomes a link to the old folder while it is empty;
a place with files of its own is left alone. `link_folders` acts before anything is opened.
"""

import logging
import os
from collections.abc import Iterable
from pathlib import Path

from config.section import Section

logger = logging.getLogger(__name__)


def read_old_folder(
    section: Section, option: str, usual: Path, *, shown: bool = True
) -> Path | None:
    """The folder that `usual` is to become a link to; says what becomes of the option.

    `shown`: clients see what is in it. Then it has to lie in the user's home, and not hidden.
    """
    old = section.path(option, None, tells_move=False) if section.written(option) else None
    if old is None:
        return None
    said, linked = f"has no effect: {usual} has files of its own", None
    if os.path.realpath(old) == os.path.realpath(usual):
        said = f"is no longer needed: {usual} is that folder"
    elif not os.path.isdir(old):
        said = f"has no effect: there is no folder {old}"
    elif shown and not _may_be_shown(old):
        said = f"has no effect: {old} is not a folder of the user's home"
    elif _is_vacant(usual):
        said, linked = f"makes {usual} a link to {old}", old
    section.warn(option, f"is deprecated and {said}. Remove the option.", mild=True)
    return linked


def link_folders(folders: Iterable[tuple[Path, Path | None]]) -> None:
    """Make each first path a link to its second, where there is one and the first is empty."""
    for usual, old in folders:
        if old is None or not _is_vacant(usual):
            continue
        try:
            if usual.is_dir():
                usual.rmdir()
            usual.symlink_to(old)
        except OSError as exc:
            logger.warning("%s cannot become a link to %s: %s", usual, old, exc.strerror)


def _is_vacant(folder: Path) -> bool:
    """Whether there is nothing, or a plain folder with nothing in it."""
    try:
        return not folder.is_symlink() and not any(folder.iterdir())
    except FileNotFoundError:
        return True
    except OSError:
        return False


def _may_be_shown(folder: Path) -> bool:
    home = Path(os.path.realpath(Path.home()))
    real = Path(os.path.realpath(folder))
    if not real.is_relative_to(home):
        return False
    parts = real.relative_to(home).parts
    return bool(parts) and not any(part.startswith(".") for part in parts)
