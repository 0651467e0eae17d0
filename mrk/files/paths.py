"""Paths as clients write them -> root and names that cannot lead out of it.

`safe_parts` is the only way from a client's text to names on disk; everybody who opens, lists,
moves or serves a file goes through it. It reads text alone: links are followed on disk afterwards
(`nurseries/files/disk_paths.py`), against the reserved folders of `mrk/files/reserved.py`.
"""

from collections.abc import Container

import msgspec

from mrk.errors import ClientError
from mrk.files.temporary import is_temporary

FORBIDDEN = 403
# Linux: NAME_MAX; and PATH_MAX less what lies above a root.
NAME_BYTES = 255
PATH_BYTES = 3072
_HIDDEN_FOLDER = ".git"
GCODE_SUFFIXES = (".gcode", ".g", ".gco", ".ufp", ".nc")
BINARY_SUFFIX = ".bgcode"
PROJECT_SUFFIXES = (".gcode.3mf", ".3mf")
SHOWN_CHARS = 100


class RootPath(msgspec.Struct, frozen=True):
    """A file or folder of a root, by names that are safe on disk; no parts: the root itself."""

    root: str
    parts: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """Relative to the root, as clients see it."""
        return "/".join(self.parts)

    @property
    def name(self) -> str:
        """The last part; empty for the root itself."""
        return self.parts[-1] if self.parts else ""

    @property
    def parent(self) -> "RootPath":
        """The folder it lies in; the root's is the root."""
        return RootPath(self.root, self.parts[:-1])

    def child(self, name: str) -> "RootPath":
        """A name from disk, or one that `safe_parts` gave, in this folder."""
        return RootPath(self.root, (*self.parts, name))

    def is_below(self, folder: "RootPath") -> bool:
        """Whether it lies in `folder`, at any depth, or is that folder."""
        return self.root == folder.root and self.parts[: len(folder.parts)] == folder.parts

    def __str__(self) -> str:
        return "/".join((self.root, *self.parts))


def missing(kind: str, path: RootPath, status: int = 400) -> ClientError:
    """What is said of a file or folder that is not there; screens go by "does not exist"."""
    return ClientError(f"{kind} does not exist ({path})", status)


def shown(text: str) -> str:
    """A client's text as error messages repeat it: one line, not endless, always encodable."""
    if len(text) > SHOWN_CHARS:
        text = text[:SHOWN_CHARS] + "..."
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def safe_parts(text: str) -> tuple[str, ...]:
    """The names between the slashes; none of them leads up, elsewhere, or to what is hidden.

    Slashes at the ends and doubled ones, and `.`, mean nothing, so that no path is absolute.
    Percent signs are letters: text was decoded once before, or never. Raises `ClientError`: 400
    for `..`, NUL, text that is no UTF-8 and overlong names, 403 for `.git` (in any case) and for
    unfinished files.
    """
    if "\0" in text:
        raise ClientError("A path cannot hold a NUL character")
    if _byte_length(text) > PATH_BYTES:
        raise ClientError(f"The path is longer than {PATH_BYTES} bytes")
    parts = tuple(part for part in text.split("/") if part not in ("", "."))
    for part in parts:
        _check_part(part, text)
    return parts


def _check_part(part: str, text: str) -> None:
    if part == "..":
        raise ClientError(f"The path climbs out of its root: {shown(text)}")
    if len(part.encode()) > NAME_BYTES:
        raise ClientError(f"The name is longer than {NAME_BYTES} bytes: {shown(part)}")
    if is_hidden(part):
        raise ClientError(f"Access to this path is not allowed: {shown(text)}", FORBIDDEN)


def _byte_length(text: str) -> int:
    try:
        return len(text.encode())
    except UnicodeEncodeError:
        raise ClientError("The path is not valid Unicode") from None


def is_hidden(name: str) -> bool:
    """Names that no client gets at: `.git`, as any file system may spell it, and unfinished files.

    FAT drops blanks and dots at the end of a name, and does not tell cases apart.
    """
    if not name.startswith("."):
        return False
    folded = name.casefold().rstrip(". ")
    return folded == _HIDDEN_FOLDER or is_temporary(name.casefold())


def locate(text: str, roots: Container[str]) -> RootPath:
    """A path that begins with the name of a root; raises as `safe_parts`, 400 for another root."""
    parts = safe_parts(text)
    if not parts or parts[0] not in roots:
        raise ClientError(f"The path does not begin with a registered root: {shown(text)}")
    return RootPath(parts[0], parts[1:])


def within(root: str, text: str) -> RootPath:
    """A path relative to a root; raises as `safe_parts`."""
    return RootPath(root, safe_parts(text))


def check_new(path: RootPath) -> RootPath:
    """Return a path at which something new may be made; raises 400.

    Control characters are refused in new names: a line break would end the g-code command that
    prints the file. Such files made by others can still be listed, renamed and deleted.
    """
    for part in path.parts:
        if any(char < " " or char == "\x7f" for char in part):
            raise ClientError(f"The name holds a control character: {shown(part)}")
    return path


def new_name(name: str) -> str:
    """A name as it is made: without blanks at its ends, which nobody sees or types again.

    Raises as `safe_parts`, because what is left may lead elsewhere, and 400 for nothing but blanks.
    """
    bare = name.strip()
    parts = safe_parts(bare)
    if not parts:
        raise ClientError(f"The name is blank: '{shown(name)}'")
    return parts[0]


def is_utf8(name: str) -> bool:
    """Whether a name from disk can be shown: others hold bytes that are no text."""
    return name.isascii() or not any("\ud800" <= char <= "\udfff" for char in name)


def is_gcode(name: str) -> bool:
    """Whether the name is one that printers print, in any case."""
    return name.lower().endswith(GCODE_SUFFIXES)


def has_metadata(name: str) -> bool:
    """Whether metadata is read from such a file: g-code, and its binary form, which no printer
    with Klipper prints as it is."""
    return is_gcode(name) or name.lower().endswith(BINARY_SUFFIX)


def package_model(path: RootPath, *, binary: bool = False, plate: int = 0) -> RootPath | None:
    """The g-code file that a package (UFP, 3MF project) becomes beside itself; None for others.

    `binary`: binary g-code becomes text. `plate`: a further one of a project.
    """
    name = path.name.lower()
    suffixes = (".ufp", *PROJECT_SUFFIXES, *((BINARY_SUFFIX,) if binary else ()))
    suffix = next((suffix for suffix in suffixes if name.endswith(suffix)), None)
    stem = path.name[: -len(suffix)] if suffix else ""
    if not stem:
        return None
    number = f"_plate_{plate}" if plate else ""
    return RootPath(path.root, (*path.parts[:-1], f"{stem}{number}.gcode"))


def is_project(name: str) -> bool:
    """Whether the name is that of a 3MF project, which is kept beside the g-code from it."""
    return name.lower().endswith(PROJECT_SUFFIXES)
