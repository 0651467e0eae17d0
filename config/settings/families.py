"""All settings families in one struct, and the list of their readings.

A new family is a file of its own, a field of `Settings` and a line in `FAMILIES`; nothing
else has to know it.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from config.paths import Paths
from config.reader import ConfigReader
from config.settings.announcements import AnnouncementSettings, read_announcements
from config.settings.authorization import AuthorizationSettings, read_authorization
from config.settings.data_store import DataStoreSettings, read_data_store
from config.settings.file_manager import FileManagerSettings, read_file_manager
from config.settings.jobs import JobQueueSettings, read_job_queue
from config.settings.ldap import LdapSettings, read_ldap
from config.settings.machine import MachineSettings, read_machine
from config.settings.mqtt import MqttSettings, read_mqtt
from config.settings.octoprint_compat import OctoPrintCompatSettings, read_octoprint_compat
from config.settings.sensors import SensorSettings, read_sensors
from config.settings.server import ServerSettings, read_server
from config.settings.spoolman import SpoolmanSettings, read_spoolman
from config.settings.webcams import WebcamSettings, read_webcams


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the configuration decides, by family."""

    server: ServerSettings = ServerSettings()
    data_store: DataStoreSettings = DataStoreSettings()
    authorization: AuthorizationSettings = AuthorizationSettings()
    file_manager: FileManagerSettings = FileManagerSettings()
    job_queue: JobQueueSettings = JobQueueSettings()
    webcams: tuple[WebcamSettings, ...] = ()
    announcements: AnnouncementSettings = AnnouncementSettings()
    ldap: LdapSettings | None = None
    machine: MachineSettings = MachineSettings()
    mqtt: MqttSettings | None = None
    octoprint_compat: OctoPrintCompatSettings | None = None
    sensors: tuple[SensorSettings, ...] = ()
    spoolman: SpoolmanSettings | None = None


# Field of `Settings` and the reading that fills it, in the order of reading.
FAMILIES: tuple[tuple[str, Callable[[ConfigReader, Paths], Any]], ...] = (
    ("server", read_server),
    ("data_store", read_data_store),
    ("authorization", read_authorization),
    ("file_manager", read_file_manager),
    ("job_queue", read_job_queue),
    ("webcams", read_webcams),
    ("announcements", read_announcements),
    ("ldap", read_ldap),
    ("machine", read_machine),
    ("mqtt", read_mqtt),
    ("octoprint_compat", read_octoprint_compat),
    ("sensors", read_sensors),
    ("spoolman", read_spoolman),
)
