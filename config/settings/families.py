"""All settings families in one struct, and the list of their readings.

A new family is a file of its own, a field of `Settings` and a line in `FAMILIES`; nothing
else has to know it. Each is read on its own: a mistake in one leaves the others as they are.
"""

import enum
import importlib
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from config.add_ons import AddOn
from config.notices import mistake_notices
from config.paths import Paths
from config.reader import ConfigReader
from config.settings.analysis import AnalysisSettings, read_analysis
from config.settings.announcements import AnnouncementSettings, read_announcements
from config.settings.authorization import AuthorizationSettings, read_authorization
from config.settings.data_store import DataStoreSettings, read_data_store
from config.settings.database import DatabaseSettings, read_database
from config.settings.file_manager import FileManagerSettings, read_file_manager
from config.settings.jobs import JobQueueSettings, read_job_queue
from config.settings.machine import MachineSettings, read_machine
from config.settings.server import ServerSettings, read_server
from config.settings.webcams import WebcamSettings, read_webcams

if TYPE_CHECKING:  # those without a section are not loaded
    from config.settings.backup import BackupSettings
    from config.settings.buttons import ButtonSettings
    from config.settings.frontend import FrontEndSettings
    from config.settings.ldap import LdapSettings
    from config.settings.mqtt import MqttSettings
    from config.settings.notifiers import NotifierSettings
    from config.settings.octoprint_compat import OctoPrintCompatSettings
    from config.settings.paneldue import PanelDueSettings
    from config.settings.power import PowerSettings
    from config.settings.sensors import SensorSettings
    from config.settings.simplyprint import SimplyPrintSettings
    from config.settings.spoolman import SpoolmanSettings
    from config.settings.td1 import Td1Settings
    from config.settings.update_manager import UpdateManagerSettings
    from config.settings.webcam_proxy import WebcamProxySettings
    from config.settings.wled import WledSettings
    from config.settings.zeroconf import ZeroconfSettings


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the configuration decides, by family.

    `add_ons` are read when they are built. `emptied` are components, such as power, that have
    sections of which none can be used.
    """

    server: ServerSettings = ServerSettings()
    database: DatabaseSettings = DatabaseSettings()
    data_store: DataStoreSettings = DataStoreSettings()
    authorization: AuthorizationSettings = AuthorizationSettings()
    file_manager: FileManagerSettings = FileManagerSettings()
    job_queue: JobQueueSettings = JobQueueSettings()
    webcams: tuple[WebcamSettings, ...] = ()
    webcam_proxy: "WebcamProxySettings | None" = None
    announcements: AnnouncementSettings = AnnouncementSettings()
    analysis: AnalysisSettings = AnalysisSettings()
    ldap: "LdapSettings | None" = None
    machine: MachineSettings = MachineSettings()
    mqtt: "MqttSettings | None" = None
    buttons: "tuple[ButtonSettings, ...]" = ()
    notifiers: "tuple[NotifierSettings, ...]" = ()
    octoprint_compat: "OctoPrintCompatSettings | None" = None
    paneldue: "PanelDueSettings | None" = None
    frontends: "tuple[FrontEndSettings, ...]" = ()
    power: "tuple[PowerSettings, ...]" = ()
    wled: "tuple[WledSettings, ...]" = ()
    sensors: "tuple[SensorSettings, ...]" = ()
    simplyprint: "SimplyPrintSettings | None" = None
    spoolman: "SpoolmanSettings | None" = None
    td1: "Td1Settings | None" = None
    zeroconf: "ZeroconfSettings | None" = None
    update_manager: "UpdateManagerSettings | None" = None
    backup: "BackupSettings | None" = None
    add_ons: tuple[AddOn, ...] = ()
    emptied: frozenset[str] = frozenset()


class Rule(enum.Enum):
    """What a mistake in a family's sections leads to."""

    STOPS = enum.auto()  # no start: it says who gets in, and where
    DEFAULTS = enum.auto()  # the part is always there: the option counts as not written
    FAILS = enum.auto()  # the component does not run, everything else does


Reading = Callable[[ConfigReader, Paths], Any]


class Family(NamedTuple):
    """One family: its field in `Settings`, its reading, and the sections it reads.

    `section` is also the component's name in `failed_components`. A reading that is a text
    (`module:function` of this folder) is loaded when one of the sections is written; without, the
    field has its default.
    """

    field: str
    read: Reading | str
    section: str
    rule: Rule = Rule.FAILS

    def reading(self, reader: ConfigReader) -> Reading | None:
        """What reads it, None where nothing is to be read."""
        if not isinstance(self.read, str):
            return self.read
        if not reader.has(self.section) and not reader.named(self.section):
            return None
        module, _, name = self.read.partition(":")
        found: Reading = getattr(importlib.import_module(f"config.settings.{module}"), name)
        return found


# In the order of reading. A new component is one line here and its field above.
FAMILIES: tuple[Family, ...] = (
    Family("server", read_server, "server", Rule.STOPS),
    Family("database", read_database, "database", Rule.DEFAULTS),
    Family("data_store", read_data_store, "data_store", Rule.DEFAULTS),
    Family("authorization", read_authorization, "authorization", Rule.STOPS),
    Family("file_manager", read_file_manager, "file_manager", Rule.DEFAULTS),
    Family("job_queue", read_job_queue, "job_queue", Rule.DEFAULTS),
    Family("webcams", read_webcams, "webcam", Rule.DEFAULTS),
    Family("webcam_proxy", "webcam_proxy:read_webcam_proxy", "webcam_proxy"),
    Family("announcements", read_announcements, "announcements", Rule.DEFAULTS),
    Family("analysis", read_analysis, "analysis", Rule.DEFAULTS),
    Family("ldap", "ldap:read_ldap", "ldap"),
    Family("machine", read_machine, "machine", Rule.DEFAULTS),
    Family("mqtt", "mqtt:read_mqtt", "mqtt"),
    Family("buttons", "buttons:read_buttons", "button"),
    Family("notifiers", "notifiers:read_notifiers", "notifier"),
    Family(
        "octoprint_compat",
        "octoprint_compat:read_octoprint_compat",
        "octoprint_compat",
    ),
    Family("paneldue", "paneldue:read_paneldue", "paneldue"),
    Family("power", "power:read_power", "power"),
    Family("wled", "wled:read_wled", "wled"),
    Family("sensors", "sensors:read_sensors", "sensor"),
    Family("simplyprint", "simplyprint:read_simplyprint", "simplyprint"),
    Family("spoolman", "spoolman:read_spoolman", "spoolman"),
    Family("td1", "td1:read_td1", "td1"),
    Family("zeroconf", "zeroconf:read_zeroconf", "zeroconf"),
    Family("update_manager", "update_manager:read_update_manager", "update_manager"),
    Family("backup", "backup:read_backup", "backup"),
    Family("frontends", "frontend:read_front_ends", "frontend"),
)


def read_families(reader: ConfigReader, paths: Paths) -> Settings:
    """All settings; what a mistake leaves out has its default. `reader` knows the rest."""
    fields: dict[str, Any] = {}
    emptied: set[str] = set()
    for family in FAMILIES:
        told, read = len(reader.notices), family.reading(reader)
        if read is None:
            continue
        found, mistakes = reader.attempt(partial(read, reader, paths))
        if found is not None and (not mistakes or family.rule is Rule.DEFAULTS):
            fields[family.field] = found
        if not mistakes:
            if found == () and reader.named(family.section):
                emptied.add(family.section)
            continue
        if family.rule is Rule.STOPS:
            reader.problems += mistakes
        elif family.rule is Rule.DEFAULTS:
            reader.notices += mistake_notices(mistakes, "Until then its default counts.")
        else:
            # Advice about a part that does not run would only hide why.
            reader.notices[told:] = [one for one in reader.notices[told:] if not one.mild]
            consequence = f"Until that is mended {family.section} does not run."
            for notice in mistake_notices(mistakes, consequence):
                reader.fail(family.section, notice)
    emptied -= {failure.component for failure in reader.failures}
    return Settings(**fields, emptied=frozenset(emptied))
