"""What OctoPrint's API says that hardly depends on the printer: version, user, settings, profile.

Field names and fixed values are those that slicers look for; most mean nothing to mrk.
"""

from typing import Any

import msgspec

# The OctoPrint release whose API is imitated.
SERVER, API = "1.5.0", "0.1"
_SPEED_MM_MIN = {"x": 6000.0, "y": 6000.0, "z": 6000.0, "e": 300.0}
# The plugin that has Cura send UFP packages; mrk reads them without any.
UFP_PLUGIN = "UltimakerFormatPackage"


class Version(msgspec.Struct, frozen=True):
    """GET /api/version; slicers look for the word at the beginning of `text`."""

    text: str
    server: str = SERVER
    api: str = API


class OctoPrintServer(msgspec.Struct, frozen=True):
    """GET /api/server."""

    safemode: str | None
    server: str = SERVER


class OctoPrintUser(msgspec.Struct, frozen=True):
    """GET and POST /api/login, GET /api/currentuser: who holds OctoPrint's global key."""

    is_external_client: bool = msgspec.field(default=False, name="_is_external_client")
    login_mechanism: str = msgspec.field(default="apikey", name="_login_mechanism")
    name: str = "_api"
    active: bool = True
    user: bool = True
    admin: bool = True
    apikey: str | None = None
    permissions: tuple[str, ...] = ()
    groups: tuple[str, ...] = ("admins", "users")


class UfpPlugin(msgspec.Struct, frozen=True):
    """Settings of the plugin that mrk says it has."""

    align_inline_thumbnail: bool = False
    inline_thumbnail: bool = False
    inline_thumbnail_align_value: str = "left"
    inline_thumbnail_scale_value: str = "50"
    installed: bool = True
    installed_version: str = "0.2.2"
    scale_inline_thumbnail: bool = False
    state_panel_thumbnail: bool = True


class Feature(msgspec.Struct, frozen=True, rename="camel"):
    """What OctoPrint may have and mrk has not."""

    sd_support: bool = False
    temperature_graph: bool = False


class OctoPrintWebcam(msgspec.Struct, frozen=True, kw_only=True):
    """As configured in `[octoprint_compat]`, whatever `[webcam]` sections say."""

    flip_h: bool = msgspec.field(name="flipH")
    flip_v: bool = msgspec.field(name="flipV")
    rotate_90: bool = msgspec.field(name="rotate90")
    stream_url: str = msgspec.field(name="streamUrl")
    webcam_enabled: bool = msgspec.field(name="webcamEnabled")


class SettingsAnswer(msgspec.Struct, frozen=True):
    """GET /api/settings."""

    plugins: dict[str, UfpPlugin]
    webcam: OctoPrintWebcam
    feature: Feature = Feature()


class OctoPrintJob(msgspec.Struct, frozen=True):
    """GET /api/job: of the job, only the state is told."""

    state: str
    job: dict[str, Any]
    progress: dict[str, None]


class OctoPrintAxis(msgspec.Struct, frozen=True):
    """`speed` in mm/min."""

    speed: float
    inverted: bool = False


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """The one printer profile there is."""

    id: str = "_default"
    name: str = "Default"
    color: str = "default"
    model: str = "Default"
    default: bool = True
    current: bool = True
    heated_bed: bool = msgspec.field(name="heatedBed")
    heated_chamber: bool = msgspec.field(name="heatedChamber")
    axes: dict[str, OctoPrintAxis]


class Profiles(msgspec.Struct, frozen=True):
    """GET /api/printerprofiles."""

    profiles: dict[str, Profile]


def job(state: str) -> OctoPrintJob:
    """The job in a state, everything else unknown."""
    unknown = ("completion", "filepos", "printTime", "printTimeLeft", "printTimeOrigin")
    fields = {
        "file": {"name": None},
        "estimatedPrintTime": None,
        "filament": {"length": None},
        "user": None,
    }
    return OctoPrintJob(state, fields, dict.fromkeys(unknown))


def profiles(*, heated_bed: bool, heated_chamber: bool) -> Profiles:
    """The default profile of a printer with these heaters."""
    axes = {name: OctoPrintAxis(speed) for name, speed in _SPEED_MM_MIN.items()}
    profile = Profile(heated_bed=heated_bed, heated_chamber=heated_chamber, axes=axes)
    return Profiles({profile.id: profile})
