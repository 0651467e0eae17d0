"""The log file on a disk that fails: the writer's thread and the file go on."""

import errno
import io
import logging
import os
from pathlib import Path

import pytest

from nurseries.log.line_queue import LogWriter
from nurseries.log.log_file import LogFile
from tests.fakes.own_mount import passes_on_small_disk


class Disk:
    """`os.write` on a disk that may be full, or take some bytes only."""

    def __init__(self) -> None:
        self.is_full = False
        self.takes = 1 << 30

    def write(self, fd: int, data: bytes) -> int:
        if self.is_full or not self.takes:
            raise OSError(errno.ENOSPC, "No space left on device")
        written = os.write(fd, data[: self.takes])
        self.takes -= written
        return written


def record(text: str) -> logging.LogRecord:
    return logging.LogRecord("x", logging.INFO, "x.py", 1, text, None, None)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "moonraker.log"


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines()


@pytest.mark.parametrize("way", ["rollover", "deleted", "space", "folder gone and back"])
def test_a_full_disk_costs_its_lines_and_says_how_many(
    path: Path, way: str, capsys: pytest.CaptureFixture[str]
) -> None:
    disk = Disk()
    file = LogFile(path, write=disk.write)
    writer = LogWriter([file])
    writer.start()
    disk.is_full = True
    for number in range(100):
        file.handle(record(f"lost {number}"))
    if way == "rollover":
        file.roll_over()
    elif way == "deleted":
        path.unlink()
    elif way == "folder gone and back":
        path.unlink()
        path.mkdir()
        file.handle(record("lost as well"))
        path.rmdir()
    disk.is_full = False
    writer.lines.handle(record("after"))
    assert writer.stop(20)
    file.close()
    lost = 101 if way == "folder gone and back" else 100
    assert lines(path) == [f"{lost} log lines before this one could not be written", "after"]
    assert "No space left on device" in capsys.readouterr().err


def test_a_line_that_was_written_in_part_ends_before_the_next(path: Path) -> None:
    disk = Disk()
    file = LogFile(path, write=disk.write)
    disk.takes = 10
    file.handle(record("0123456789abcdef"))
    disk.takes = 1 << 30
    file.handle(record("after"))
    assert lines(path) == [
        "0123456789",
        "1 log lines before this one could not be written",
        "after",
    ]


class Worst(logging.Handler):
    """A destination that raises whatever it is given, and again when it is to say so."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._error = error
        self.told = 0

    def emit(self, record: logging.LogRecord) -> None:
        raise self._error

    def handleError(self, record: logging.LogRecord) -> None:
        self.told += 1
        raise self._error


@pytest.mark.parametrize(
    "error",
    [OSError(errno.ENOSPC, "full"), ValueError("closed"), MemoryError(), RecursionError()],
    ids=repr,
)
def test_nothing_that_a_destination_raises_ends_the_thread(error: Exception) -> None:
    console = io.StringIO()
    worst = Worst(error)
    writer = LogWriter([worst, logging.StreamHandler(console)])
    writer.start()
    for number in range(3):
        writer.lines.handle(record(f"line {number}"))
    assert writer.stop(20)
    assert console.getvalue() == "line 0\nline 1\nline 2\n"
    assert worst.told == 3


def test_who_logs_does_not_hear_of_a_closed_stderr(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr("sys.stderr", closed)
    console = io.StringIO()
    console.close()
    writer = LogWriter([logging.StreamHandler(console)])
    writer.start()
    wrong = logging.LogRecord("x", logging.INFO, "x.py", 1, "%d", ("no number",), None)
    writer.lines.handle(wrong)
    writer.lines.handle(record("to nobody"))
    assert writer.stop(20)


@pytest.mark.e2e
def test_a_real_full_disk(tmp_path: Path) -> None:
    passes_on_small_disk(tmp_path, "1m", "tests.nurseries.log.full_disk")


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "log")
    with pytest.raises(OSError, match="No such device"):
        LogFile(tmp_path / "log")
