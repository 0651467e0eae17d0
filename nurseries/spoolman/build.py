"""Builds the spool reporter, and the connection to Spoolman, which may come and go."""

from config.settings.spoolman import SpoolmanSettings
from mrk.subsystem import Additions, Needs, Service
from mrk.supervision import OUTSIDE_BACKOFF
from nurseries.spoolman.link import SpoolmanLink
from nurseries.spoolman.reporter import SpoolReporter
from nurseries.spoolman.server import SpoolmanServer


def build(settings: SpoolmanSettings, needs: Needs, additions: Additions) -> None:
    """For `[spoolman]`."""
    server = SpoolmanServer(settings.server_url, needs.http)
    link = SpoolmanLink(server, needs.websockets)
    reporter = SpoolReporter(
        needs.klippy,
        needs.database,
        needs.clients,
        server,
        link,
        sync_rate_s=settings.sync_rate_s,
    )
    additions.add("spoolman", reporter)
    additions.services.append(Service("spoolman_connection", link.serve, backoff=OUTSIDE_BACKOFF))
    additions.auxiliary.append(reporter)
