"""Builds what shows cameras, for `[webcam_proxy]`."""

from config.settings.webcam_proxy import WebcamProxySettings
from mrk.http.streamed_paths import DoorRules
from mrk.subsystem import Additions, Needs, Service
from transports.webcam_proxy.camera_door import CameraDoor
from transports.webcam_proxy.camera_paths import CameraPaths
from transports.webcam_proxy.proxy import WebcamProxy


def build(settings: WebcamProxySettings, needs: Needs, additions: Additions) -> None:
    """The service that owns the streams, and the paths at the door."""
    proxy = WebcamProxy(settings)

    def paths(rules: DoorRules) -> CameraDoor:
        found = CameraPaths(settings.cameras, needs.webcams, rules.route_prefix)
        return CameraDoor(proxy, found, rules, needs.clients)

    additions.services.append(Service("webcam_proxy", proxy.serve))
    additions.streamed.append(paths)
    additions.metrics.append(proxy.families)
