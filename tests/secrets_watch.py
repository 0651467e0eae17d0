"""Planted secrets, and everything that was said while they were: neither may hold the other.

A test plants a text (`planted`); the suite hands over what it hears (`heard`, `heard_file`): log
records and standard output of every test, output and log files of processes, replies to the wire
clients. `tests/conftest.py` compares them at the end of the run, and fails it.
"""

import contextlib
import logging
import os
import subprocess
import tempfile
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote

# What clients were told, as opposed to what stands in a log.
REPLY = "reply"
# A run of everything says about a tenth of this.
LIMIT_BYTES = 1_000_000_000
_SHORTEST = 8


class Watch:
    """One run's secrets and sayings; the sayings wait in a file without a name."""

    def __init__(self) -> None:
        # Open as long as the run.
        self._said = tempfile.TemporaryFile()  # noqa: SIM115
        self._starts: list[int] = []
        self._sources: list[str] = []
        self._end = 0
        # Text to whether the one whom it belongs to may be told it in a reply.
        self._planted: dict[bytes, bool] = {}

    def plant(self, text: str, *, may_be_told: bool) -> None:
        """Look for a text, also as it stands in an address."""
        if len(text) < _SHORTEST or "\n" in text:
            raise ValueError(f"{text!r} is too short to be recognised, or has several lines")
        for form in {text, quote(text, safe="")}:
            self._planted[form.encode()] = may_be_told

    def hear(self, source: str, data: bytes) -> None:
        """Keep what somebody said."""
        if not data or self._end > LIMIT_BYTES:
            return
        if not self._sources or self._sources[-1] != source:
            self._sources.append(source)
            self._starts.append(self._end)
        self._said.write(data)
        self._end += len(data)

    def close(self) -> None:
        """Forget everything."""
        self._said.close()

    def findings(self) -> list[str]:
        """`secret 'abcd...' in <source>`, for each secret and place."""
        self._said.flush()
        if not self._end or not self._planted:
            return []
        sources: dict[bytes, set[str]] = {}
        for at, text in _places(self._said.fileno(), self._planted):
            sources.setdefault(text, set()).add(self._source(at))
        found = [
            f"secret {text[: min(16, len(text) // 2)].decode(errors='replace')}... in {source}"
            for text, places in sources.items()
            for source in sorted(places)
            if not (self._planted[text] and source.startswith(REPLY))
        ]
        if self._end > LIMIT_BYTES:
            found.append(f"perhaps more, behind {LIMIT_BYTES} bytes that were looked through")
        return found

    def _source(self, at: int) -> str:
        return self._sources[bisect_right(self._starts, at) - 1]


def _places(said: int, texts: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """Where which text stands. A run plants a thousand: grep looks for all of them at once."""
    with tempfile.NamedTemporaryFile() as patterns:
        patterns.write(b"\n".join(texts))
        patterns.flush()
        options = ("--fixed-strings", "--only-matching", "--byte-offset", "--text")
        looked = subprocess.run(
            ["grep", *options, f"--file={patterns.name}", f"/proc/self/fd/{said}"],
            env={"LC_ALL": "C", "PATH": os.environ["PATH"]},
            pass_fds=[said],
            capture_output=True,
            check=False,
        )
    if looked.returncode > 1:
        raise OSError(f"grep: {looked.stderr.decode(errors='replace')}")
    for line in looked.stdout.splitlines():
        at, _, text = line.partition(b":")
        yield int(at), text


class WatchedLog(logging.Handler):
    """Hears every record of the run's own process, tracebacks included."""

    def __init__(self, watch: Watch) -> None:
        super().__init__()
        self._watch = watch

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self.format(record)
        except Exception:  # a test's own broken record
            return
        self._watch.hear(f"log of {record.name}", line.encode(errors="replace") + b"\n")


WATCH = Watch()


def planted(text: str, *, may_be_told: bool = False) -> str:
    """Plant a secret of at least 8 characters, and return it.

    It must be of this run only: a random part keeps it from being met by chance. With
    `may_be_told` replies may hold it (an API key is told to whom it belongs), logs not.
    """
    WATCH.plant(text, may_be_told=may_be_told)
    return text


def heard(source: str, data: bytes | str) -> None:
    """Hand over what was said; replies to clients begin with `reply`."""
    WATCH.hear(source, data if isinstance(data, bytes) else data.encode(errors="replace"))


def heard_file(file: Path) -> None:
    """Hand over a file, if it is there: a log, the output of a process."""
    with contextlib.suppress(OSError):
        WATCH.hear(f"file {file}", file.read_bytes())
