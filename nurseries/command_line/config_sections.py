"""Adds whole sections at the end of moonraker.conf, and takes away what it added.

Nothing that a person wrote is changed: sections that are there already, in the file or in one that
it includes, stay as they are, and a section is only taken away while it is, letter by letter, what
was added. What cannot be added safely (TOML, mistakes in the file, no right to write, a value that
would be read as something else) is printed.
"""

import os
from functools import partial
from pathlib import Path

import msgspec

from config.config_errors import ConfigError
from config.load import find_file, try_file
from config.paths import Paths
from config.whole_file import write_whole
from mrk.errors import MrkError

# Options as they are written, by section.
_Sections = dict[str, dict[str, str]]


class NotAdded(MrkError):
    """The file stays as it is; the text is why."""


class WantedSection(msgspec.Struct, frozen=True):
    """`options` in the order in which they are written."""

    title: str
    options: tuple[tuple[str, str], ...]

    @property
    def text(self) -> str:
        """As it stands in the file."""
        return "\n".join((f"[{self.title}]", *(f"{k}: {v}" for k, v in self.options))) + "\n"


class ConfigFile:
    """The configuration that is in use; raises `NotAdded` when there is none that can be edited."""

    def __init__(self, paths: Paths) -> None:
        try:
            found = find_file(paths)
        except ConfigError as exc:
            raise NotAdded(str(exc)) from exc
        if found is None:
            raise NotAdded(f"there is no moonraker.conf in {paths.config}")
        if found.suffix == ".toml":
            raise NotAdded(f"{found} is TOML, which is not edited")
        self.path = found.resolve()
        self._paths = paths
        self._warnings = self._read(self.path)

    @property
    def titles(self) -> set[str]:
        """Of the sections that are there."""
        return set(self._orig)

    def _read(self, file: Path) -> set[str]:
        """Warnings of a file; raises `NotAdded` for one that would not start."""
        attempt = try_file(file, self._paths)
        if attempt.configuration is None:
            raise NotAdded(f"{self.path} has a mistake: {attempt.problems[0]}")
        self._orig = attempt.configuration.orig
        return set(attempt.configuration.warnings)

    def add(self, sections: list[WantedSection]) -> list[str]:
        """Append those that are not there; returns their titles.

        Raises `NotAdded`, and another `MrkError` for what would have no effect there.
        """
        missing = [one for one in sections if one.title not in self.titles]
        if not missing:
            return []
        before = self._content()
        line_end = b"\r\n" if b"\r\n" in before else b"\n"
        added = "".join("\n" + one.text for one in missing).encode()
        first = b"" if not before or before.endswith(b"\n") else line_end
        wanted = self._orig | {one.title: dict(one.options) for one in missing}
        self._replace(before + first + added.replace(b"\n", line_end), wanted)
        return [one.title for one in missing]

    def take_away(self, sections: list[WantedSection]) -> list[str]:
        """Remove those that are as they were added; returns their titles. Raises `NotAdded`."""
        content, removed, wanted = self._content(), [], dict(self._orig)
        for one in sections:
            for line_end in ("\n", "\r\n"):
                text = ("\n" + one.text).replace("\n", line_end).encode()
                at = content.find(text)
                rest = content[at + len(text) :].lstrip(b"\r\n \t")
                if at >= 0 and content.count(text) == 1 and (not rest or rest[:1] in b"[#;"):
                    content = content[:at] + content[at + len(text) :]
                    removed.append(one.title)
                    wanted.pop(one.title, None)
                    break
        if removed:
            self._replace(content, wanted)
        return removed

    def _content(self) -> bytes:
        try:
            return self.path.read_bytes()
        except OSError as exc:
            raise NotAdded(f"{self.path}: {exc.strerror}") from exc

    def _replace(self, content: bytes, wanted: _Sections) -> None:
        """Only where it is read as what is wanted: the old or the new one is there."""
        try:
            status = self.path.stat()
            owner = status.st_uid, status.st_gid
            write_whole(
                self.path,
                content,
                mode=status.st_mode & 0o7777,
                owner=None if owner == (os.geteuid(), os.getegid()) else owner,
                check=partial(self._check, wanted),
            )
        except OSError as exc:
            raise NotAdded(f"{self.path}: {exc.strerror}") from exc

    def _check(self, wanted: _Sections, part: Path) -> None:
        new = self._read(part) - self._warnings
        if self._orig != wanted:
            raise NotAdded("it would be read as something else than what is wanted")
        if new:
            told = min(new).replace(f"{part.name}: ", "")
            raise MrkError(f"{self.path} stays as it is: {told}")
