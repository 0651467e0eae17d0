"""The g-code dispatcher: which command runs what, one script at a time, and the terminal output.

Scripts run as reactor tasks under one mutex (`klippy/gcode.py`); `output` receives each terminal
message. Ends with its `Klippy`.
"""

from collections.abc import Callable, Iterable
from typing import Any

from mrk.virtual_printer.gcode.command import GCodeCommand, parse_line
from mrk.virtual_printer.gcode.command_errors import CommandError
from mrk.virtual_printer.reactor import Mutex, Reactor, Task

Handler = Callable[[GCodeCommand], "Task | None"]


class GCode:
    """Dispatches commands; every output message goes to each function in `outputs`."""

    def __init__(self, reactor: Reactor, state_message: Callable[[], str | None]) -> None:
        """`state_message` gives the text that refuses commands, or None while ready."""
        self._reactor = reactor
        self._state_message = state_message
        self._handlers: dict[str, Handler] = {}
        self._help: dict[str, str] = {}
        self._when_not_ready: set[str] = set()
        self.mutex = Mutex(reactor)
        self.outputs: list[Callable[[str], None]] = []
        self.on_error: list[Callable[[], None]] = []
        self.pace: Callable[[], float | None] = lambda: None

    def register(
        self, name: str, handler: Handler, text: str | None = None, *, when_not_ready: bool = False
    ) -> None:
        """Let `handler` run the command `name`; `text` is its line in `gcode/help`."""
        self._handlers[name] = handler
        if text is not None:
            self._help[name] = text
        if when_not_ready:
            self._when_not_ready.add(name)

    def rename(self, name: str, new_name: str) -> None:
        """Free a command's name for a macro, as `rename_existing` does."""
        self._handlers[new_name] = self._handlers.pop(name)
        self._help.pop(name, None)
        self._help[new_name] = f"Renamed builtin of '{name}'"

    def help_texts(self) -> dict[str, str]:
        """Command and help text of each command that has one, in order of registration."""
        return {name: self._help[name] for name in self._handlers if name in self._help}

    def get_status(self, _eventtime: float) -> dict[str, Any]:
        """`commands` with their help, as the object `gcode` shows them."""
        commands = {
            name: {"help": self._help[name]} if name in self._help else {}
            for name in self._handlers
        }
        return {"commands": commands}

    def respond_raw(self, message: str) -> None:
        """Say `message` on every terminal."""
        for output in self.outputs:
            output(message)

    def respond_info(self, message: str) -> None:
        """Say `message` marked as information: `// ` before each line."""
        self.respond_raw("\n".join("// " + line for line in message.strip().split("\n")))

    def run_script(self, script: str) -> Task:
        """Wait for the mutex, then run each line; the first failing one raises `CommandError`."""
        yield from self.mutex.acquire()
        try:
            yield from self.run_lines(script.split("\n"))
        finally:
            self.mutex.release()

    def run_lines(self, lines: Iterable[str]) -> Task:
        """Run lines for someone who holds the mutex already (a macro, a command)."""
        for line in lines:
            yield from self._run_line(line)
            # Control goes back after each line, so that a long script cannot hold up the others.
            yield self._reactor.now

    def _run_line(self, line: str) -> Task:
        try:
            command = parse_line(line)
            if command is None:
                return
            running = self._dispatch(command)
            if running is not None:
                yield from running
        except CommandError as exc:
            self._respond_error(str(exc))
            raise
        while (go_on_at := self.pace()) is not None:
            yield go_on_at

    def _dispatch(self, command: GCodeCommand) -> Task | None:
        handler = self._handlers.get(command.command)
        refusal = self._state_message()
        if refusal is not None and command.command not in self._when_not_ready:
            if command.command in ("M105", "M21"):
                return None
            raise CommandError(refusal)
        if handler is None:
            self._unknown(command)
            return None
        return handler(command)

    def _unknown(self, command: GCodeCommand) -> None:
        name = command.command
        if name in ("M140", "M104") and not command.get_float("S", 0.0):
            return
        self.respond_info(f'Unknown command:"{name}"')

    def _respond_error(self, message: str) -> None:
        lines = message.strip().split("\n")
        if len(lines) > 1:
            self.respond_info("\n".join(lines))
        self.respond_raw(f"!! {lines[0].strip()}")
        for react in self.on_error:
            react()
