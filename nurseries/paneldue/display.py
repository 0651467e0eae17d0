"""One connection to a display, from the opening of its port to its loss.

`run` ends when cancelled, or with `SerialError`. Commands wait in two queues: what is answered
here, and what Klipper runs. A display that asks for more than they hold is told so.
"""

import contextlib
from collections.abc import Mapping
from typing import Any

import msgspec
import trio

from mrk.api.component_calls import ApiCalls
from mrk.errors import ClientError
from mrk.klippy.klippy_protocols import GcodePort
from mrk.klippy.requests import print_file_script
from mrk.paneldue.commands import (
    RESTARTS,
    AnswerBox,
    BadCommand,
    DeleteFile,
    Direct,
    FileQuery,
    Gcode,
    ListFolder,
    RunMacro,
    StartPrint,
    StatusQuery,
    read_command,
)
from mrk.paneldue.files import (
    MACROS,
    file_answer,
    folder_answer,
    folder_path,
    macro_answer,
    missing_folder,
)
from mrk.paneldue.lines import BadChecksum, Stop, read_line
from mrk.paneldue.macros import Macros
from mrk.paneldue.responses import Responses
from mrk.paneldue.status import PanelStatus
from mrk.serial.lines import LineCutter
from mrk.serial.serial_protocols import SerialError, SerialPort
from nurseries.paneldue.printer import PanelPrinter

# The display asks twice a second, and sends some lines at once for a series of moves.
DIRECT_COMMANDS = 16
GCODE_COMMANDS = 64
ANSWERS = 16
CALL_S = 10.0
SEND_S = 10.0
_BITS = 20  # of a byte, twice what it takes


class Display:
    """`checked` wants sums; `baud` says how long sending may take."""

    def __init__(
        self,
        printer: PanelPrinter,
        gcode: GcodePort,
        calls: ApiCalls,
        macros: Macros,
        responses: Responses,
        *,
        machine_name: str,
        checked: bool,
        baud: int,
    ) -> None:
        self._printer = printer
        self._gcode = gcode
        self._calls = calls
        self._macros = macros
        self._responses = responses
        self._checked = checked
        self._baud = baud
        self._status = PanelStatus(machine_name, macros.labels, responses)
        self._put_direct, self._direct = trio.open_memory_channel[Direct](DIRECT_COMMANDS)
        self._put_queued, self._queued = trio.open_memory_channel[Gcode | StartPrint](
            GCODE_COMMANDS
        )
        self._put_answer, self._answers = trio.open_memory_channel[Mapping[str, Any]](ANSWERS)
        self._stop_asked = trio.Event()

    async def run(self, port: SerialPort) -> None:
        """Talk with the display."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._write, port, name="paneldue answers")
            nursery.start_soon(self._answer_all, name="paneldue queries")
            nursery.start_soon(self._run_all, name="paneldue g-code")
            nursery.start_soon(self._stop_printer, name="paneldue emergency stop")
            cutter = LineCutter()
            while True:
                for line in cutter.feed(await port.receive()):
                    self._take(line)

    def show(self, message: Mapping[str, Any]) -> None:
        """Send something that was not asked for; dropped when much waits already."""
        with contextlib.suppress(trio.WouldBlock):
            self._put_answer.send_nowait(message)

    # What comes

    def _take(self, line: str) -> None:
        match read_line(line, checked=self._checked):
            case None:
                pass
            case Stop():
                self._stop_asked.set()
            case BadChecksum() as bad:
                self._responses.put(bad.response)
            case str(text):
                self._take_command(text)

    def _take_command(self, text: str) -> None:
        match read_command(text):
            case RunMacro(label):
                self._take_macro(label)
            case AnswerBox(confirmed):
                script = self._macros.take_answer(confirmed=confirmed)
                if script is not None:
                    self._put(self._put_queued, Gcode(script))
            case BadCommand(reason):
                self._responses.put(f"!! {reason}")
            case Gcode() | StartPrint() as queued:
                self._put(self._put_queued, queued)
            case StatusQuery() | ListFolder() | DeleteFile() | FileQuery() as direct:
                self._put(self._put_direct, direct)

    def _take_macro(self, label: str) -> None:
        box = self._macros.box(label)
        script = self._macros.script(label)
        if box is not None:
            self.show(box)
        elif script is not None:
            self._put(self._put_queued, Gcode(script))
        else:
            self._responses.put(f"!! There is no macro {label} in [paneldue]")

    def _put(self, queue: trio.MemorySendChannel[Any], command: Any) -> None:
        try:
            queue.send_nowait(command)
        except trio.WouldBlock:
            self._responses.put("!! Too many commands wait; this one was dropped")

    # What is done about it

    async def _answer_all(self) -> None:
        async for command in self._direct:
            answer: Mapping[str, Any] | None = None
            match command:
                case StatusQuery():
                    answer = self._status.answer(command, self._printer.look(), trio.current_time())
                case ListFolder(path):
                    answer = await self._list(folder_path(path))
                case DeleteFile(path):
                    await self._delete(path)
                case FileQuery(path):
                    answer = self._about(path)
            if answer is not None:
                await self._put_answer.send(answer)

    async def _list(self, path: str) -> dict[str, Any]:
        if path == MACROS:
            return macro_answer(self._macros.labels)
        try:
            with trio.fail_after(CALL_S):
                listed = await self._calls.call("server.files.get_directory", path=path)
        except (ClientError, trio.TooSlowError):
            return missing_folder(path)
        folders = [folder["dirname"] for folder in listed["dirs"]]
        return folder_answer(path, folders, [file["filename"] for file in listed["files"]])

    async def _delete(self, path: str) -> None:
        try:
            with trio.fail_after(CALL_S):
                await self._calls.call("server.files.delete_file", path=f"gcodes/{path}")
        except ClientError as exc:
            self._responses.put(f"!! {path} is not deleted: {exc.message}")
        except trio.TooSlowError:
            self._responses.put(f"!! {path}: deleting takes more than {CALL_S:g} s")

    def _about(self, path: str | None) -> Mapping[str, Any]:
        if path is not None:
            return file_answer(self._printer.metadata(path))
        name = self._printer.loaded_file
        return file_answer(self._printer.metadata(name or ""), name)

    async def _run_all(self) -> None:
        async for command in self._queued:
            try:
                await self._run(command)
            except ClientError:
                self._responses.put(f"!! Error executing script {_script(command)}")

    async def _run(self, command: Gcode | StartPrint) -> None:
        if isinstance(command, StartPrint):
            await self._gcode.start_print(command.path)
        elif command.script.upper() in RESTARTS:
            await self._calls.call(f"printer.{command.script.lower()}")
        else:
            await self._gcode.run_gcode(command.script)

    async def _stop_printer(self) -> None:
        while True:
            await self._stop_asked.wait()
            self._stop_asked = trio.Event()
            try:
                with trio.fail_after(CALL_S):
                    await self._calls.call("printer.emergency_stop")
            except ClientError as exc:
                self._responses.put(f"!! Emergency stop: {exc.message}")
            except trio.TooSlowError:
                self._responses.put(f"!! Emergency stop: no answer within {CALL_S:g} s")

    async def _write(self, port: SerialPort) -> None:
        async for answer in self._answers:
            data = msgspec.json.encode(answer) + b"\r\n"
            limit_s = SEND_S + len(data) * _BITS / self._baud
            with trio.move_on_after(limit_s) as scope:
                await port.send(data)
            if scope.cancelled_caught:
                raise SerialError(f"the display took nothing for {limit_s:.0f} s")


def _script(command: Gcode | StartPrint) -> str:
    """What Klipper was told."""
    if isinstance(command, StartPrint):
        return print_file_script(command.path)
    return command.script
