"""The subsystems that a section of the configuration asks for: one table.

A new one is a line in `OPTIONAL`; its module has `build(settings, needs, additions)` and is
imported when the section is there: each costs some 1 MB. One that cannot be built (a library that
is missing, a file that cannot be read) is a failed component; the others run.
"""

import importlib
from typing import Any, NamedTuple

from mrk.subsystem import Additions, Needs


class Optional(NamedTuple):
    """A component, the field of `Settings` that asks for it, and the module that builds it.

    One that `stands_empty` answers clients, with nothing, when all of its sections have mistakes.
    """

    component: str
    field: str
    module: str
    stands_empty: bool = False

    def build(self, settings: Any, needs: Needs, additions: Additions) -> None:
        """Import and build it; raises whatever keeps it from being built."""
        importlib.import_module(self.module).build(settings, needs, additions)


# In the order of building: sensors and power devices need the broker.
OPTIONAL = (
    Optional("mqtt", "mqtt", "transports.mqtt.subsystem"),
    Optional("sensor", "sensors", "nurseries.sensors.subsystem", stands_empty=True),
    Optional("power", "power", "nurseries.power.build", stands_empty=True),
    Optional("wled", "wled", "nurseries.wled.build", stands_empty=True),
    Optional("spoolman", "spoolman", "nurseries.spoolman.build"),
    Optional("update_manager", "update_manager", "nurseries.update_manager.build"),
    Optional("button", "buttons", "nurseries.buttons.build", stands_empty=True),
    Optional("paneldue", "paneldue", "nurseries.paneldue.build"),
    Optional("td1", "td1", "nurseries.td1.build"),
    Optional("notifier", "notifiers", "nurseries.notifier.build", stands_empty=True),
    Optional("backup", "backup", "nurseries.installation.daily_backup"),
    Optional("simplyprint", "simplyprint", "nurseries.simplyprint.build"),
    Optional("zeroconf", "zeroconf", "nurseries.zeroconf.build"),
    Optional("analysis", "analysis", "nurseries.analysis.build"),
    Optional("octoprint_compat", "octoprint_compat", "nurseries.octoprint.subsystem"),
    Optional("webcam_proxy", "webcam_proxy", "transports.webcam_proxy.build"),
    Optional("frontend", "frontends", "transports.frontends.build"),
)
