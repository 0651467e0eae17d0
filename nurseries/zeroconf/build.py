"""Builds the announcer; the library zeroconf is imported when it begins."""

import importlib.util

from config.settings.zeroconf import ZeroconfSettings
from mrk.errors import MrkError
from mrk.extras import install_advice
from mrk.subsystem import Additions, Needs, Service
from mrk.supervision import OUTSIDE_BACKOFF
from nurseries.zeroconf.endpoints import ZeroconfEndpoints
from nurseries.zeroconf.subsystem import Announcer


def build(settings: ZeroconfSettings, needs: Needs, additions: Additions) -> None:
    """For `[zeroconf]`."""
    if importlib.util.find_spec("zeroconf") is None:
        raise MrkError(f"the library zeroconf is missing: {install_advice('zeroconf')}")
    announcer = Announcer(
        settings,
        needs.own_address,
        needs.instance_id,
        needs.host_name,
        lambda: needs.services.instance_ids.moonraker,
    )
    endpoints = ZeroconfEndpoints(announcer.document).endpoints()
    additions.services.append(
        Service("zeroconf", announcer.serve, endpoints, backoff=OUTSIDE_BACKOFF)
    )
