"""The writer is a real thread and the files are real; no event loop is involved."""

import io
import json
import logging
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from nurseries.log.daemon_log import LogFileOff, LogOptions, open_log
from nurseries.log.line_queue import QUEUE_RECORDS, LogWriter
from nurseries.log.log_file import KEPT_FILES, ROTATE_BYTES, LogFile

logger = logging.getLogger("tests.log")


class Stuck(io.StringIO):
    """A console whose reader stands still until `let_go`."""

    def __init__(self) -> None:
        super().__init__()
        self.reached, self.let_go = threading.Event(), threading.Event()

    def write(self, text: str) -> int:
        self.reached.set()
        self.let_go.wait(20)
        return super().write(text)


@pytest.fixture
def stuck() -> Iterator[Stuck]:
    console = Stuck()
    yield console
    console.let_go.set()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "logs/moonraker.log"


def test_lines_reach_file_and_console_before_the_block_is_left(path: Path) -> None:
    console = io.StringIO()
    with open_log(LogOptions(path, console=console)) as log:
        logger.info("hello %s", "printer")
        logger.debug("too fine")
    assert log.warnings == []
    assert path.read_text() == console.getvalue()
    assert path.read_text().endswith("INFO tests.log: hello printer\n")
    assert path.read_text().count("\n") == 1


def test_verbose_shows_debug_lines_but_not_those_of_http_clients(path: Path) -> None:
    with open_log(LogOptions(path, verbose=True, console=io.StringIO())):
        logger.debug("fine")
        logging.getLogger("httpx").info("GET http://host/?token=secret")
    assert "DEBUG tests.log: fine" in path.read_text()
    assert "secret" not in path.read_text()


def test_structured_lines_are_json(path: Path) -> None:
    with open_log(LogOptions(path, structured=True, console=io.StringIO())):
        logger.warning("one")
    assert json.loads(path.read_text())["message"] == "one"


def test_without_a_file_only_the_console_speaks(tmp_path: Path) -> None:
    console = io.StringIO()
    with open_log(LogOptions(None, console=console)) as log:
        logger.info("hello")
        with pytest.raises(LogFileOff, match="file logging is off"):
            log.roll_over()
    assert log.file is None
    assert "hello" in console.getvalue()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("obstacle", ["two levels missing", "folder is a file", "log is a folder"])
def test_a_file_that_cannot_be_opened_leaves_the_console_and_a_warning(
    path: Path, obstacle: str
) -> None:
    if obstacle == "two levels missing":
        path = path.parent / "deeper/moonraker.log"
    elif obstacle == "folder is a file":
        path.parent.write_text("")
    else:
        path.mkdir(parents=True)
    console = io.StringIO()
    with open_log(LogOptions(path, console=console)) as log:
        logger.info("hello")
    (warning,) = log.warnings
    assert str(path) in warning
    assert log.file is None
    assert warning in console.getvalue()
    assert "hello" in console.getvalue()


def test_rolling_over_begins_a_fresh_file_and_keeps_five(path: Path) -> None:
    with open_log(LogOptions(path, console=io.StringIO())) as log:
        for _ in range(KEPT_FILES + 2):
            log.roll_over()
        logger.info("newest")
    names = sorted(file.name for file in path.parent.iterdir())
    assert names == ["moonraker.log", *(f"moonraker.log.{n}" for n in range(1, KEPT_FILES + 1))]
    assert "newest" in path.read_text()


def test_a_full_file_is_rotated(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"x" * (ROTATE_BYTES - 1) + b"\n")
    with open_log(LogOptions(path, console=io.StringIO())):
        logger.info("one more")
    assert path.with_name("moonraker.log.1").stat().st_size == ROTATE_BYTES
    assert "one more" in path.read_text()


def test_a_rotation_that_fails_is_told_rarely_and_the_file_goes_on(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path.parent.mkdir()
    path.write_bytes(b"x" * ROTATE_BYTES)
    # A folder cannot be replaced as an old file would be.
    path.with_name("moonraker.log.4").touch()
    path.with_name("moonraker.log.5").mkdir()
    with open_log(LogOptions(path, console=io.StringIO())):
        for number in range(50):
            logger.info("line %d", number)
    assert "line 49" in path.read_text()
    assert path.read_text().count("line") == 50
    assert capsys.readouterr().err.count("mrk: ") == 1


def test_a_deleted_file_is_begun_anew(path: Path) -> None:
    with open_log(LogOptions(path, console=io.StringIO())) as log:
        logger.info("before")
        log.roll_over()
        path.unlink()
        logger.info("after")
    assert "after" in path.read_text()


def test_a_flood_against_a_stuck_console_is_dropped_counted_and_told(stuck: Stuck) -> None:
    with open_log(LogOptions(None, console=stuck), flush_s=20):
        logger.info("first")
        assert stuck.reached.wait(20)
        began = time.monotonic()
        for number in range(QUEUE_RECORDS + 7):
            logger.info("flood %d", number)
        assert time.monotonic() - began < 10
        stuck.let_go.set()
    said = stuck.getvalue()
    assert f"flood {QUEUE_RECORDS - 1}\n" in said
    assert f"flood {QUEUE_RECORDS}\n" not in said
    assert "7 log lines dropped" in said


@pytest.mark.parametrize("waiting", [0, QUEUE_RECORDS + 1])
def test_a_stuck_console_holds_the_end_for_the_deadline_only(stuck: Stuck, waiting: int) -> None:
    with open_log(LogOptions(None, console=stuck), flush_s=0.05):
        logger.info("first")
        assert stuck.reached.wait(20)
        for _ in range(waiting):
            logger.info("waiting")
        began = time.monotonic()
    assert time.monotonic() - began < 10


def test_a_console_that_went_away_costs_nothing_else(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    console = io.StringIO()
    console.close()
    with open_log(LogOptions(path, console=console)):
        for number in range(20):
            logger.info("line %d", number)
    assert path.read_text().count("line") == 20
    assert capsys.readouterr().err.count("mrk: console log") == 1


def test_everything_is_put_back_and_the_thread_ends(path: Path) -> None:
    root = logging.getLogger()
    before = (list(root.handlers), root.level, logging.getLogger("httpx").level)
    threads = threading.active_count()
    for _ in range(20):
        with open_log(LogOptions(path, console=io.StringIO())):
            logger.info("once")
    assert (list(root.handlers), root.level, logging.getLogger("httpx").level) == before
    assert threading.active_count() <= threads
    assert path.read_text().count("once") == 20


def test_a_line_of_wrong_arguments_does_not_end_the_log(
    capsys: pytest.CaptureFixture[str],
) -> None:
    console = io.StringIO()
    writer = LogWriter([logging.StreamHandler(console)])
    writer.start()
    for args in (("no number",), (5,)):
        writer.lines.handle(logging.LogRecord("x", logging.INFO, "x.py", 1, "%d", args, None))
    assert writer.stop(20)
    assert console.getvalue() == "5\n"
    assert "no number" in capsys.readouterr().err


def test_many_threads_lose_nothing(path: Path) -> None:
    def talk(name: int) -> None:
        for number in range(50):
            logger.info("thread %d line %d", name, number)

    with open_log(LogOptions(path, console=io.StringIO()), flush_s=20) as log:
        threads = [threading.Thread(target=talk, args=(name,)) for name in range(4)]
        for thread in threads:
            thread.start()
        log.roll_over()
        for thread in threads:
            thread.join()
    lines = "".join(file.read_text() for file in path.parent.iterdir()).splitlines()
    assert len(lines) == 200


def test_the_file_itself_says_when_it_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        LogFile(tmp_path / "missing/moonraker.log")
