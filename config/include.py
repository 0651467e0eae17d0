"""Which files make up a `moonraker.conf`, and in which order they are read.

Follows `[include pattern]` from the main file, depth first, and merges what the files say
into one `ConfigSource`. Every file is read once; a second time is a cycle. Mistakes are gathered
in the source, so that one run shows those of all files.
"""

import os
from pathlib import Path

from config.config_errors import ConfigError, quoted
from config.dialect import Include, parse
from config.source import ConfigSource, RawSection, ReadFile, relative_name

_WILDCARDS = frozenset("*?[")
_DEPTH_LIMIT = 50
_SIZE_LIMIT_BYTES = 8 * 1024 * 1024


def read_conf(main: Path) -> ConfigSource:
    """Read `main` (absolute) and everything it includes; never raises."""
    source = ConfigSource(main=main)
    _Tree(source, main.parent).read(main, depth=0)
    return source


def read_text(path: Path, shown: str) -> str:
    """A configuration file's text; raises ConfigError if it cannot be had as UTF-8."""
    try:
        if not path.is_file():
            raise ConfigError(_missing(path), file=shown)
        if path.stat().st_size > _SIZE_LIMIT_BYTES:
            raise ConfigError("too big for a configuration file", file=shown)
        data = path.read_bytes()
    except (OSError, ValueError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) and exc.strerror else str(exc)
        raise ConfigError(f"cannot be read: {reason}", file=shown) from exc
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as exc:
        line = data.count(b"\n", 0, exc.start) + 1
        raise ConfigError("this is not UTF-8 text", file=shown, line=line) from exc
    if text.startswith("\ufeff"):
        reason = "a byte-order mark is not allowed; save the file as UTF-8 without one"
        raise ConfigError(reason, file=shown, line=1)
    return text


def _missing(path: Path) -> str:
    if path.is_symlink() and not path.exists():
        return f"a link to {os.readlink(path)}, which does not exist"
    if path.is_dir():
        return "a folder; expected a file"
    return "not a regular file" if path.exists() else "no such file"


def matches(pattern: str, folder: Path) -> list[Path]:
    """The files a pattern means, sorted; raises ValueError with the reason if it is bad.

    Relative patterns start at `folder`; absolute ones take wildcards in their last part only.
    """
    if not pattern:
        raise ValueError("the include names no file")
    start, tail = folder, pattern
    if Path(pattern).is_absolute():
        start, tail = Path(pattern).parent, Path(pattern).name
        if _WILDCARDS & set(str(start)) or tail == "**":
            raise ValueError("an absolute pattern takes wildcards only in its last part, and no **")
    if not tail:
        raise ValueError("the pattern names no file")
    found = sorted(start.glob(tail)) if _WILDCARDS & set(tail) else [start / tail]
    return [path for path in found if path.is_file()]


class _Tree:
    """The walk over the files; `_folder` is where names in messages start."""

    def __init__(self, source: ConfigSource, folder: Path) -> None:
        self._source = source
        self._folder = folder
        self._seen: set[str] = set()

    def read(self, path: Path, depth: int) -> None:
        shown = relative_name(path, self._folder)
        self._seen.add(os.path.realpath(path))
        try:
            text = read_text(path, shown)
        except ConfigError as exc:
            self._source.problems.append(exc)
            return
        record = ReadFile(path, shown)
        self._source.files.append(record)
        parsed = parse(text, shown)
        self._source.problems.extend(parsed.problems)
        for part in parsed.parts:
            if isinstance(part, RawSection):
                record.sections.append(part.name)
                self._source.merge(part)
            else:
                self._include(part, record, depth + 1)

    def _include(self, part: Include, record: ReadFile, depth: int) -> None:
        try:
            if depth > _DEPTH_LIMIT:
                raise ValueError(f"includes are nested deeper than {_DEPTH_LIMIT} files")
            found = matches(part.pattern, record.path.parent)
        except (OSError, ValueError) as exc:
            reason = exc.strerror if isinstance(exc, OSError) and exc.strerror else str(exc)
            self._problem(part, record, reason)
            return
        if not found:
            self._problem(part, record, f"no file matches {quoted(part.pattern)}")
        for path in found:
            if os.path.realpath(path) in self._seen:
                shown = relative_name(path, self._folder)
                self._problem(part, record, f"recursion: {shown} has been read already")
            else:
                self.read(path, depth)

    def _problem(self, part: Include, record: ReadFile, reason: str) -> None:
        section = f"include {part.pattern}".strip()
        problem = ConfigError(reason, file=record.shown, line=part.line, section=section)
        self._source.problems.append(problem)
