"""Settings as the layers below want them: transitions of the queue, rules of access, addresses."""

import ipaddress
from collections.abc import Callable
from functools import partial

from config.settings.authorization import AuthorizationSettings
from config.settings.jobs import JobQueueSettings
from config.settings.server import ServerSettings
from config.settings.webcam_proxy import WebcamProxySettings
from mrk.access.decision import AccessRules
from mrk.access.trusted_clients import TrustedClients
from mrk.jobs.queue import Transitions
from mrk.web.own_address import OwnAddress
from mrk.webcams.addresses import behind_proxy


def transitions_of(jobs: JobQueueSettings) -> Transitions:
    """How `[job_queue]` has the queue go on."""
    return Transitions(
        automatic=jobs.automatic_transition,
        load_on_startup=jobs.load_on_startup,
        delay_s=jobs.job_transition_delay_s,
        gcode=jobs.job_transition_gcode,
    )


def rules_of(authorization: AuthorizationSettings) -> AccessRules:
    """What `[authorization]` says of access."""
    clients = authorization.trusted_clients
    single = (ipaddress.ip_network(address) for address in clients.addresses)
    return AccessRules(
        TrustedClients((*clients.networks, *single), clients.names),
        authorization.force_logins,
        authorization.enable_api_key,
    )


def camera_address_of(proxy: WebcamProxySettings | None) -> Callable[[str], str]:
    """Where a camera is whose URL is a path of mrk's own port."""
    cameras = {} if proxy is None else {one.name: one.target.url for one in proxy.cameras}
    return partial(behind_proxy, cameras)


def own_address_of(server: ServerSettings) -> OwnAddress:
    """Where `[server]` has clients connect."""
    has_tls = server.ssl_certificate_path is not None and server.ssl_key_path is not None
    https_port = server.ssl_port if has_tls else None
    return OwnAddress(server.host, server.port, https_port, server.route_prefix)
