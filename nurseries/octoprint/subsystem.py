"""OctoPrint's HTTP API for slicers; built only when it is configured.

`serve` keeps the printer's heaters and print state subscribed; it ends when cancelled. Uploads to
`/api/files/local` come through `transports/transfers`.
"""

import trio

from config.settings.octoprint_compat import OctoPrintCompatSettings
from mrk.api.endpoint import Endpoint
from mrk.files.transfers import UploadPrints
from mrk.jobs.job_protocols import JobFiles
from mrk.klippy.events import Ready
from mrk.klippy.klippy_protocols import GcodePort, KlippyPort
from mrk.subsystem import Additions, Needs
from nurseries.octoprint.endpoints import OctoPrintEndpoints
from nurseries.octoprint.heaters import PrinterHeaters

# For `transports/transfers`: where OctoPrint takes uploads, and what `Location` begins with.
UPLOAD_PATHS = {"/api/files/local": "/api/files/moonraker"}


class OctoPrint:
    """Answers in OctoPrint's place. `files` knows the gcodes root, `prints` starts or queues."""

    def __init__(
        self,
        settings: OctoPrintCompatSettings,
        klippy: KlippyPort,
        gcode: GcodePort,
        files: JobFiles,
        prints: UploadPrints,
    ) -> None:
        self._klippy = klippy
        self._heaters = PrinterHeaters(klippy)
        self._endpoints = OctoPrintEndpoints(settings, klippy, gcode, files, prints, self._heaters)

    def endpoints(self) -> list[Endpoint]:
        """What slicers may ask."""
        return self._endpoints.endpoints()

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Know the printer's heaters and its print state."""
        # Ready comes once per restart of the printer; 8 may wait.
        with self._klippy.open_events("octoprint", 8, Ready) as ready:
            task_status.started()
            await self._heaters.follow(ready)


def build(settings: OctoPrintCompatSettings, needs: Needs, additions: Additions) -> None:
    """For `[octoprint_compat]`."""
    octoprint = OctoPrint(settings, needs.klippy, needs.gcode, needs.files, needs.upload_prints)
    additions.add("octoprint_compat", octoprint)
    additions.upload_paths.update(UPLOAD_PATHS)
