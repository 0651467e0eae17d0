"""Settings as the layers below want them: limits for transports, rules for judgements."""

import ipaddress

from config.settings.authorization import AuthorizationSettings
from config.settings.jobs import JobQueueSettings
from config.settings.server import ServerSettings
from mrk.access.decision import AccessRules
from mrk.access.trusted_clients import TrustedClients
from mrk.limits import Limits
from nurseries.jobs.job_queue import Transitions


def limits_of(server: ServerSettings) -> Limits:
    """The limits that `[server]` configures; the others keep their defaults."""
    return Limits(
        connections=server.max_connections,
        websockets=server.max_websocket_connections,
        requests_in_flight=server.max_requests_in_flight,
        batch_calls=server.max_batch_calls,
        head_s=server.head_timeout_s,
        body_bytes=server.max_body_size_bytes,
        body_idle_s=server.body_timeout_s,
        message_bytes=server.max_message_size_bytes,
        outbox_bytes=server.outbox_size_bytes,
        send_s=server.send_timeout_s,
    )


def transitions_of(jobs: JobQueueSettings) -> Transitions:
    """How `[job_queue]` has the queue go on."""
    return Transitions(
        automatic=jobs.automatic_transition,
        load_on_startup=jobs.load_on_startup,
        delay_s=jobs.job_transition_delay_s,
        gcode=jobs.job_transition_gcode,
    )


def rules_of(authorization: AuthorizationSettings) -> AccessRules:
    """What `[authorization]` says of judgements."""
    clients = authorization.trusted_clients
    single = (ipaddress.ip_network(address) for address in clients.addresses)
    return AccessRules(
        TrustedClients((*clients.networks, *single), clients.names),
        authorization.force_logins,
        authorization.enable_api_key,
    )
