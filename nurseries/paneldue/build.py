"""`[paneldue]`: opens the display's port, and opens it again when it is lost.

`serve` ends when cancelled, or with `SerialError`, after which the supervisor begins anew. Macros
call the remote method `paneldue_beep`.
"""

import logging
from typing import Any

import trio

from config.settings.paneldue import PanelDueSettings
from mrk.api.component_calls import ApiCalls
from mrk.definitions.roles import Role
from mrk.errors import leaves
from mrk.estimate.estimate_protocols import TimeLeft, time_left_of
from mrk.jobs.job_protocols import JobMetadata
from mrk.klippy.klippy_protocols import GcodePort, KlippyPort
from mrk.paneldue.macros import Macros
from mrk.paneldue.responses import Responses
from mrk.paneldue.status import OFF
from mrk.serial.serial_protocols import SerialError, SerialPorts
from mrk.subsystem import Additions, Needs, Service
from mrk.supervision import Backoff
from nurseries.paneldue.display import Display
from nurseries.paneldue.printer import PanelPrinter

logger = logging.getLogger(__name__)
BEEP = "paneldue_beep"
REOPEN = Backoff(first_s=2.0, limit_s=2.0)


class PanelDue:
    """A display that comes and goes."""

    def __init__(
        self,
        settings: PanelDueSettings,
        ports: SerialPorts,
        klippy: KlippyPort,
        gcode: GcodePort,
        calls: ApiCalls,
        metadata: JobMetadata,
        time_left: TimeLeft,
    ) -> None:
        self._settings = settings
        self._ports = ports
        self._gcode = gcode
        self._calls = calls
        self._printer = PanelPrinter(klippy, metadata, time_left)
        self._display: Display | None = None
        klippy.register_remote_method(BEEP, self._beep)

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """One connection; raises `SerialError`."""
        task_status.started()
        settings = self._settings
        try:
            async with self._ports.opened(settings.serial, settings.baud) as port:
                logger.info("paneldue: %s is open", settings.serial)
                responses = Responses(settings.non_trivial_keys)
                display = self._display = self._make_display(responses)
                self._printer.on_line = responses.hear
                self._printer.on_away = lambda: display.show(OFF)
                async with trio.open_nursery() as nursery:
                    await nursery.start(self._printer.follow, name="paneldue printer")
                    await display.run(port)
        except* SerialError as group:
            raise SerialError(str(leaves(group)[0])) from group
        finally:
            self._display = None

    def _make_display(self, responses: Responses) -> Display:
        settings = self._settings
        return Display(
            self._printer,
            self._gcode,
            self._calls,
            Macros(settings.macros, settings.confirmed_macros),
            responses,
            machine_name=settings.machine_name,
            checked=settings.enable_checksum,
            baud=settings.baud,
        )

    def _beep(self, frequency: Any = 300, duration: Any = 1.0) -> None:
        """From a macro, in the link's reader; `duration` in seconds."""
        try:
            beep = {"beep_freq": int(frequency), "beep_length": int(float(duration) * 1000)}
        except (TypeError, ValueError, OverflowError):
            logger.warning("paneldue: a macro calls %s with what is no number", BEEP)
            return
        if self._display is not None:
            self._display.show(beep)


def build(settings: PanelDueSettings, needs: Needs, additions: Additions) -> None:
    """For `[paneldue]`."""
    panel = PanelDue(
        settings,
        needs.serial,
        needs.klippy,
        needs.gcode,
        needs.calls_as(Role.ADMIN),
        needs.metadata,
        time_left_of(needs.planned),
    )
    additions.services.append(Service("paneldue", panel.serve, backoff=REOPEN))
