"""`[simplyprint]`: builds what follows the printer, and the connection to the cloud below it.

`SimplyPrint.serve` runs whether the cloud is there or not, and ends when cancelled.
"""

import trio

from config.settings.simplyprint import SimplyPrintSettings
from mrk.definitions.roles import Role
from mrk.subsystem import Additions, Needs, Service
from mrk.supervision import Backoff
from nurseries.simplyprint.cloud import Cloud
from nurseries.simplyprint.connection import CloudConnection
from nurseries.simplyprint.demands import Demands
from nurseries.simplyprint.files import CloudFiles
from nurseries.simplyprint.pictures import Pictures
from nurseries.simplyprint.printer import FollowedPrinter
from nurseries.simplyprint.reporter import Reporter
from nurseries.simplyprint.stored import StoredIdentity

RECONNECT = Backoff(first_s=1.0, limit_s=60.0, healthy_after_s=30.0)


class SimplyPrint:
    """Everything but the connection, which comes and goes: that is `connection`."""

    def __init__(self, settings: SimplyPrintSettings, needs: Needs) -> None:
        role = next(role for role in Role if role.word == settings.role)
        calls = needs.calls_as(role)
        cloud = Cloud()
        stored = StoredIdentity(needs.database, needs.announcements)
        self._printer = FollowedPrinter(
            needs.klippy,
            needs.job_state,
            needs.metadata,
            filament_sensor=settings.filament_sensor,
            ambient_sensor=settings.ambient_sensor,
        )
        self._printer.on_line = lambda text: cloud.send_line("response", text)
        pictures = Pictures(cloud, needs.snapshots, needs.http, settings.webcam_name)
        self._reporter = Reporter(
            cloud,
            self._printer,
            stored,
            calls,
            needs.webcams,
            pictures.is_there,
            host_name=needs.host_name,
            webcam_name=settings.webcam_name,
            power_device=settings.power_device,
        )
        self._files = CloudFiles(
            cloud,
            self._printer,
            needs.http,
            needs.uploads,
            needs.files,
            needs.klippy,
            needs.job_state,
            needs.gcode,
            role,
        )
        self._demands = Demands(cloud, calls, self._printer, self._reporter, pictures, self._files)
        self.connection = CloudConnection(
            needs.websockets,
            stored,
            cloud,
            self._demands.take,
            url=None if settings.url is None else settings.url.reveal(),
        )

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Follow the printer, tell of it, do what is demanded."""
        async with trio.open_nursery() as nursery:
            await nursery.start(self._printer.follow, name="simplyprint events")
            nursery.start_soon(self._reporter.run, name="simplyprint reports")
            nursery.start_soon(self._demands.serve, name="simplyprint demands")
            nursery.start_soon(self._files.serve, name="simplyprint files")
            task_status.started()


def build(settings: SimplyPrintSettings, needs: Needs, additions: Additions) -> None:
    """For `[simplyprint]`."""
    printer = SimplyPrint(settings, needs)
    additions.services += [
        Service("simplyprint", printer.serve),
        Service(
            "simplyprint_connection",
            printer.connection.serve,
            backoff=RECONNECT,
            part_of="simplyprint",
        ),
    ]
