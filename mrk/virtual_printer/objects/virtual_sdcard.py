"""Printing from a file: `virtual_sdcard`, read in pieces and run line by line.

Follows `klippy/extras/virtual_sdcard.py`: each line takes the g-code mutex on its own, so that a
waiting PAUSE gets its turn between two lines. File content comes through `SdcardFolder`.
"""

from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from mrk.virtual_printer.gcode.command import GCodeCommand
from mrk.virtual_printer.gcode.command_errors import CommandError
from mrk.virtual_printer.gcode.dispatcher import GCode
from mrk.virtual_printer.objects.print_stats import PrintStatsObject
from mrk.virtual_printer.reactor import Completion, Reactor, Task

READ_BYTES = 8192


class SdcardFile(Protocol):
    """An open g-code file."""

    @property
    def size_bytes(self) -> int:
        """The length of the file when it was opened."""

    def read_at(self, position: int, size: int) -> bytes:
        """At most `size` bytes from `position`; raises `OSError`."""

    def close(self) -> None:
        """Give the file back."""


class SdcardFolder(Protocol):
    """The gcodes folder."""

    @property
    def path(self) -> str:
        """How Klippy names the folder in its status."""

    def list(self) -> list[tuple[str, int]]:
        """Relative names and sizes of the g-code files; raises `OSError`."""

    def open(self, name: str) -> SdcardFile:
        """Open by relative name; raises `OSError` when there is no such file."""


class VirtualSdcard:
    """Holds the loaded file and the task that feeds its lines to the dispatcher."""

    def __init__(
        self, reactor: Reactor, gcode: GCode, print_stats: PrintStatsObject, folder: SdcardFolder
    ) -> None:
        self._reactor = reactor
        self._gcode = gcode
        self._print_stats = print_stats
        self._folder = folder
        self._file: SdcardFile | None = None
        self._name = ""
        self._position = 0
        self._size = 0
        self._working: Completion | None = None
        self._must_pause = False
        self._from_sd = False
        self._position_after = 0
        self.on_reset: list[Callable[[], None]] = []
        self._register()

    def _register(self) -> None:
        register = self._gcode.register
        register("M20", self._cmd_m20)
        register("M21", lambda command: self._gcode.respond_raw("SD card ok"))
        register("M23", self._cmd_m23)
        register("M24", lambda command: self.resume())
        register("M25", lambda command: self.pause())
        register("M26", self._cmd_m26)
        register("M27", self._cmd_m27)
        for name in ("M28", "M29", "M30"):
            register(name, self._cmd_no_write)
        register(
            "SDCARD_RESET_FILE",
            self._cmd_reset,
            "Clears a loaded SD File. Stops the print if necessary",
        )
        register(
            "SDCARD_PRINT_FILE",
            self._cmd_print,
            "Loads a SD file and starts the print.  May include files in subdirectories.",
        )

    @property
    def is_active(self) -> bool:
        """Whether lines are being read."""
        return self._working is not None

    @property
    def progress(self) -> float:
        """Share of the file's bytes that has been run."""
        return self._position / self._size if self._size else 0.0

    def get_status(self, _eventtime: float) -> dict[str, Any]:
        """The object `virtual_sdcard`."""
        return {
            "file_path": f"{self._folder.path}/{self._name}" if self._file else None,
            "progress": self.progress,
            "is_active": self.is_active,
            "file_position": self._position,
            "file_size": self._size,
        }

    def resume(self) -> None:
        """Start or go on reading lines."""
        if self._working is not None:
            raise CommandError("SD busy")
        if self._file is None:
            return
        self._must_pause = False
        self._working = Completion()
        self._reactor.spawn(self._work(self._file, self._working))

    def pause(self) -> Task:
        """Stop reading lines; ends when the present one is done."""
        if self._working is not None:
            self._must_pause = True
            if not self._from_sd:
                yield self._working

    def cancel(self) -> Task:
        """Stop and unload the file as cancelled."""
        if self._file is None:
            return
        yield from self.pause()
        self._unload()
        self._print_stats.note_end("cancelled")
        self._position = self._size = 0

    def shutdown(self) -> None:
        """End reading after the present line; the print then counts as paused."""
        self._must_pause = True

    def close(self) -> None:
        """Give the file back when Klippy ends."""
        self._unload()

    def _unload(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _work(self, file: SdcardFile, working: Completion) -> Task:
        self._print_stats.note_start()
        error: str | None = None
        try:
            yield from self._feed(file)
        except CommandError as exc:
            error = str(exc)
            yield from self._on_error()
        except OSError:
            # Klipper only logs a failed read and leaves the print paused.
            error = None
        self._from_sd = False
        self._working = None
        if error is not None:
            self._print_stats.note_end("error", error)
        elif self._file is not None:
            self._print_stats.note_pause()
        else:
            self._print_stats.note_end("complete")
        self._reactor.complete(working)

    def _feed(self, file: SdcardFile) -> Task:
        """Read pieces and run their lines until a pause or the end of the file."""
        read_at = self._position
        tail = b""
        lines: deque[bytes] = deque()
        while not self._must_pause:
            if not lines:
                piece = file.read_at(read_at, READ_BYTES)
                if not piece:
                    # A last line without its newline is never run, as in Klipper.
                    self._unload()
                    self._gcode.respond_raw("Done printing file")
                    return
                read_at += len(piece)
                lines.extend((tail + piece).split(b"\n"))
                tail = lines.pop()
                yield self._reactor.now
            elif self._gcode.mutex.locked:
                yield self._reactor.now + 0.1
            else:
                line = lines.popleft()
                next_position = self._position + len(line) + 1
                self._position_after = next_position
                self._from_sd = True
                yield from self._gcode.run_script(line.decode("utf-8", "replace"))
                self._from_sd = False
                self._position = self._position_after
                if self._position != next_position:
                    read_at, tail = self._position, b""
                    lines.clear()

    def _on_error(self) -> Task:
        self._from_sd = False
        try:
            yield from self._gcode.run_script("TURN_OFF_HEATERS")
        except CommandError:
            return

    def _reset_file(self) -> Task:
        yield from self.pause()
        self._unload()
        self._position = self._size = 0
        self._print_stats.reset()
        for react in self.on_reset:
            react()

    def _load(self, name: str) -> None:
        try:
            self._file = self._folder.open(name)
        except (OSError, ValueError):
            raise CommandError("Unable to open file") from None
        self._name = name
        self._position = 0
        self._size = self._file.size_bytes
        self._gcode.respond_raw(f"File opened:{name} Size:{self._size}")
        self._gcode.respond_raw("File selected")
        self._print_stats.filename = name

    def _cmd_print(self, command: GCodeCommand) -> Task:
        if self._working is not None:
            raise CommandError("SD busy")
        yield from self._reset_file()
        self._load(command.get("FILENAME").removeprefix("/"))
        self.resume()

    def _cmd_reset(self, command: GCodeCommand) -> Task:
        if self._from_sd:
            raise CommandError("SDCARD_RESET_FILE cannot be run from the sdcard")
        yield from self._reset_file()

    def _cmd_m20(self, command: GCodeCommand) -> None:
        try:
            found = self._folder.list()
        except OSError:
            raise CommandError("Unable to get file list") from None
        self._gcode.respond_raw("Begin file list")
        for name, size in found:
            self._gcode.respond_raw(f"{name} {size}")
        self._gcode.respond_raw("End file list")

    def _cmd_m23(self, command: GCodeCommand) -> Task:
        if self._working is not None:
            raise CommandError("SD busy")
        yield from self._reset_file()
        self._load(command.rest.strip().removeprefix("/"))

    def _cmd_m26(self, command: GCodeCommand) -> None:
        if self._working is not None and not self._from_sd:
            raise CommandError("SD busy")
        position = command.get_int("S", minimum=0)
        if self._from_sd:
            self._position_after = position
        else:
            self._position = position

    def _cmd_m27(self, command: GCodeCommand) -> None:
        if self._file is None:
            self._gcode.respond_raw("Not SD printing.")
        else:
            self._gcode.respond_raw(f"SD printing byte {self._position}/{self._size}")

    def _cmd_no_write(self, command: GCodeCommand) -> None:
        raise CommandError("SD write not supported")
