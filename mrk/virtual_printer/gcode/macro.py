"""Macros: Jinja templates that become g-code, with Klipper's `action_...` calls.

Delimiters and names as in `klippy/extras/gcode_macro.py`, but sandboxed. jinja2 is imported when
the first macro is made. Owned by `Klippy`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mrk.virtual_printer.gcode.command import GCodeCommand, read_literal
from mrk.virtual_printer.gcode.command_errors import CommandError
from mrk.virtual_printer.gcode.dispatcher import GCode
from mrk.virtual_printer.reactor import Task

Status = Callable[[str], dict[str, Any] | None]


@dataclass(frozen=True, slots=True)
class MacroSource:
    """A `[gcode_macro NAME]` section."""

    name: str
    gcode: str
    description: str = "G-Code macro"
    rename_existing: str | None = None
    variables: Mapping[str, Any] = field(default_factory=dict)


class MacroActions:
    """The calls a template may make, bound to one Klippy."""

    def __init__(
        self,
        gcode: GCode,
        call_remote_method: Callable[[str, dict[str, Any]], None],
        emergency_stop: Callable[[str], None],
    ) -> None:
        self._gcode = gcode
        self._call_remote_method = call_remote_method
        self._emergency_stop = emergency_stop

    def register_direct_call(self) -> None:
        """Add VIRTUAL_REMOTE_METHOD, which calls a remote method without a macro."""
        self._gcode.register(
            "VIRTUAL_REMOTE_METHOD",
            self._cmd_remote_method,
            "Call a remote method: METHOD=name and its params",
        )

    def _cmd_remote_method(self, command: GCodeCommand) -> None:
        params = {name.lower(): _literal_or_text(text) for name, text in command.params.items()}
        params.pop("method", None)
        self._call_remote_method(command.get("METHOD"), params)

    def names(self) -> dict[str, Callable[..., str]]:
        """What a template sees."""
        return {
            "action_emergency_stop": self._stop,
            "action_respond_info": self._info,
            "action_raise_error": self._raise,
            "action_call_remote_method": self._call,
        }

    def _stop(self, message: str = "action_emergency_stop") -> str:
        self._emergency_stop(f"Shutdown due to {message}")
        return ""

    def _info(self, message: str) -> str:
        self._gcode.respond_info(message)
        return ""

    def _raise(self, message: str) -> str:
        raise CommandError(message)

    def _call(self, method: str, **params: Any) -> str:
        self._call_remote_method(method, params)
        return ""


class _PrinterStatus(Mapping[str, Any]):
    """`printer` inside a template: status by object name, as item or attribute."""

    def __init__(self, names: Callable[[], list[str]], status: Status) -> None:
        self._names = names
        self._status = status

    def __getitem__(self, name: str) -> Any:
        found = self._status(name.strip())
        if found is None:
            raise KeyError(name)
        return found

    def __iter__(self) -> Any:
        return iter(self._names())

    def __len__(self) -> int:
        return len(self._names())


class GCodeMacros:
    """All macros; each is also a printer object that holds its variables."""

    def __init__(
        self, gcode: GCode, actions: MacroActions, names: Callable[[], list[str]], status: Status
    ) -> None:
        # Late, because jinja2 costs 2.4 MB that a daemon without a virtual printer need not pay.
        from jinja2.sandbox import SandboxedEnvironment

        self._environment = SandboxedEnvironment(
            block_start_string="{%",
            block_end_string="%}",
            variable_start_string="{",
            variable_end_string="}",
        )
        self._gcode = gcode
        self._actions = actions
        self._printer = _PrinterStatus(names, status)
        self.variables: dict[str, dict[str, Any]] = {}
        self._running: set[str] = set()

    def add(self, source: MacroSource) -> None:
        """Make one macro a command, in front of the built-in one it renames."""
        self.variables[source.name] = dict(source.variables)
        if source.rename_existing is not None:
            self._gcode.rename(source.name.upper(), source.rename_existing.upper())
        template = self._environment.from_string(source.gcode)

        def run(command: GCodeCommand) -> Task:
            return self._run(source.name, template, command)

        self._gcode.register(source.name.upper(), run, source.description)
        if "SET_GCODE_VARIABLE" not in self._gcode.help_texts():
            self._gcode.register(
                "SET_GCODE_VARIABLE", self._cmd_set, "Set the value of a G-Code macro variable"
            )

    def status_of(self, name: str) -> Callable[[float], dict[str, Any]]:
        """The `get_status` of the object `gcode_macro NAME`: its variables."""
        return lambda eventtime: dict(self.variables[name])

    def _run(self, name: str, template: Any, command: GCodeCommand) -> Task:
        if name in self._running:
            raise CommandError(f"Macro {name} called recursively")
        context = {
            **self.variables[name],
            **self._actions.names(),
            "printer": self._printer,
            "params": command.params,
            "rawparams": command.rest,
        }
        self._running.add(name)
        try:
            yield from self._gcode.run_lines(self._render(name, template, context).split("\n"))
        finally:
            self._running.discard(name)

    def _render(self, name: str, template: Any, context: dict[str, Any]) -> str:
        from jinja2 import TemplateError

        try:
            return str(template.render(context))
        except (TemplateError, LookupError, TypeError, ValueError, ArithmeticError) as exc:
            raise CommandError(
                f"Error evaluating 'gcode_macro {name}:gcode': {type(exc).__name__}: {exc}"
            ) from exc

    def _cmd_set(self, command: GCodeCommand) -> None:
        wanted = command.get("MACRO")
        found = [name for name in self.variables if name.upper() == wanted.upper()]
        if not found:
            raise CommandError(f"The value '{wanted}' is not valid for MACRO")
        variables = self.variables[found[0]]
        variable = command.get("VARIABLE")
        if variable not in variables:
            raise CommandError(f"Unknown gcode_macro variable '{variable}'")
        variables[variable] = read_literal(command.get("VALUE"))


def _literal_or_text(text: str) -> Any:
    try:
        return read_literal(text)
    except CommandError:
        return text
