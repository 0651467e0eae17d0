"""Names inside ZIP archives: relative, without a way up, each once.

Source: APPNOTE.TXT 4.4.17, file names; what climbs out there is a bug in many readers.
"""

from mrk.files.paths import RootPath, is_utf8


def member_name(root_folder: str, path: RootPath) -> str | None:
    """The name of a root's file: the root folder's own directory name, then the path.

    None for a name that cannot be written: one that is no text, or holds a backslash, which
    some readers take for a slash.
    """
    parts = (root_folder or path.root, *path.parts)
    if any(part in ("", ".", "..") or "\\" in part or not is_utf8(part) for part in parts):
        return None
    return "/".join(part.replace("/", "_") for part in parts)


class MemberNames:
    """Which names an archive holds already."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def claim(self, name: str) -> bool:
        """Whether the name was free; it is taken from now on."""
        if name in self._taken:
            return False
        self._taken.add(name)
        return True
