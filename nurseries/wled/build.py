"""Builds the WLED strips: a supervised service for each, and one for what they share."""

from collections.abc import Sequence

from config.settings.wled import WledHttpSettings, WledSettings
from mrk.subsystem import Additions, Needs, Service
from mrk.supervision import Backoff
from nurseries.wled.links import HttpStripLink, SerialStripLink, StripLink
from nurseries.wled.strip import LightStrip
from nurseries.wled.wled import Wled

STRIP_BACKOFF = Backoff(first_s=2.0, limit_s=30.0)


def build(settings: Sequence[WledSettings], needs: Needs, additions: Additions) -> None:
    """For `[wled ...]`."""
    strips = [LightStrip(one, _link(one, needs)) for one in settings]
    additions.add("wled", Wled(strips, needs.klippy))
    additions.services += [
        Service(f"wled {strip.name}", strip.serve, backoff=STRIP_BACKOFF, part_of="wled")
        for strip in strips
    ]


def _link(one: WledSettings, needs: Needs) -> StripLink:
    if isinstance(one.link, WledHttpSettings):
        return HttpStripLink(needs.http, one.link.url, one.link.timeout_s)
    return SerialStripLink(needs.serial, one.link.path, one.link.baud)
