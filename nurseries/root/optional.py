"""The parts that a section of the configuration asks for: one table, section -> how it is built.

A new one is a function and a line in `OPTIONAL`. Each is built on its own, and one that cannot be
built (a library that is missing, a file that cannot be read) is a failed component; the others run.
What a part needs is imported in its function: each costs some 1 MB.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import trio

from config.settings.families import Settings
from mrk.api.endpoint import Endpoint
from mrk.api.rpc import Pending, Reply, Who
from mrk.clients.registry import Clients
from mrk.errors import MrkError
from mrk.jobs.job_protocols import AuxiliaryProvider
from mrk.klippy.klippy_protocols import MqttPort
from mrk.supervision import Backoff
from mrk.webcams.webcam import Webcam
from nurseries.jobs.job_state import JobState
from nurseries.klippy.link import KlippyLink
from nurseries.klippy.printer import Printer
from nurseries.root.file_subsystem import FileSubsystem
from nurseries.root.prints import UploadPrinter
from nurseries.root.supervised import Supervised
from nurseries.root.surroundings import DatabaseService, Surroundings

# Moonraker's beat; a broker or a Spoolman that is back should be seen soon.
OUTSIDE_BEAT = Backoff(first_s=2.0, limit_s=10.0)


class Subsystem(Protocol):
    """A subsystem: what clients may ask, and what it does while nobody asks."""

    def endpoints(self) -> list[Endpoint]: ...

    async def serve(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class Needs:
    """What optional parts may need of the parts that are always there."""

    settings: Settings
    surroundings: Surroundings
    clients: Clients
    link: KlippyLink
    store: DatabaseService
    printer: Printer
    job_state: JobState
    files: FileSubsystem
    upload_printer: UploadPrinter
    webcams: Callable[[], Awaitable[list[Webcam]]]
    answer: Callable[[bytes, Who, bool], Reply | Pending]


@dataclass(slots=True)
class Additions:
    """What has been built: lines of the supervision table, and what other parts take of it.

    `transports` end before `lines` do. `upload_paths` are further ones, `topics` is the broker.
    """

    lines: list[Supervised] = field(default_factory=list)
    transports: list[Supervised] = field(default_factory=list)
    auxiliary: list[AuxiliaryProvider] = field(default_factory=list)
    upload_paths: dict[str, str] = field(default_factory=dict)
    topics: MqttPort | None = None

    def add(self, name: str, part: Subsystem) -> None:
        """A line for `part`."""
        self.lines.append(Supervised(name, part.serve, part.endpoints()))


def _mqtt(needs: Needs, built: Additions) -> None:
    """The transport, which ends with the others."""
    from transports.mqtt.subsystem import Mqtt

    assert needs.settings.mqtt is not None
    outside = needs.surroundings
    mqtt = Mqtt(
        needs.settings.mqtt,
        needs.link,
        needs.answer,
        needs.webcams,
        outside.http,
        instance_name=outside.host_name,
        instance_id=outside.instance_id,
    )
    line = Supervised("mqtt", mqtt.serve, mqtt.endpoints(), backoff=OUTSIDE_BEAT)
    built.transports.append(line)
    built.topics = mqtt


def _sensors(needs: Needs, built: Additions) -> None:
    """They listen through the broker."""
    from nurseries.sensors.subsystem import Sensors

    if built.topics is None:
        raise MrkError("it needs [mqtt], which does not run")
    sensors = Sensors(needs.settings.sensors, built.topics, needs.job_state, needs.clients)
    built.add("sensor", sensors)
    built.auxiliary.append(sensors)


def _spoolman(needs: Needs, built: Additions) -> None:
    """Who counts, and the connection, which may come and go."""
    from nurseries.spoolman.link import SpoolmanLink
    from nurseries.spoolman.reporter import SpoolReporter
    from nurseries.spoolman.server import SpoolmanServer

    settings = needs.settings.spoolman
    assert settings is not None
    server = SpoolmanServer(settings.server_url, needs.surroundings.http)
    connection = SpoolmanLink(server)
    reporter = SpoolReporter(
        needs.link,
        needs.store,
        needs.clients,
        server,
        connection,
        sync_rate_s=settings.sync_rate_s,
    )
    built.add("spoolman", reporter)
    link = Supervised("spoolman_connection", connection.serve, backoff=OUTSIDE_BEAT)
    built.lines.append(link)
    built.auxiliary.append(reporter)


def _octoprint(needs: Needs, built: Additions) -> None:
    from nurseries.octoprint.endpoints import UPLOAD_PATHS, OctoPrint

    assert needs.settings.octoprint_compat is not None
    part = OctoPrint(
        needs.settings.octoprint_compat,
        needs.link,
        needs.printer,
        needs.files,
        needs.upload_printer,
    )
    built.add("octoprint_compat", part)
    built.upload_paths.update(UPLOAD_PATHS)


class OptionalPart(NamedTuple):
    """A component, the field of `Settings` that asks for it, and what builds it."""

    component: str
    field: str
    build: Callable[[Needs, Additions], None]


# In the order of building: sensors need the broker.
OPTIONAL = (
    OptionalPart("mqtt", "mqtt", _mqtt),
    OptionalPart("sensor", "sensors", _sensors),
    OptionalPart("spoolman", "spoolman", _spoolman),
    OptionalPart("octoprint_compat", "octoprint_compat", _octoprint),
)
