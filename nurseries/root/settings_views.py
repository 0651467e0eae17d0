"""Settings as the layers below want them: transitions of the queue, rules of access."""

import ipaddress

from config.settings.authorization import AuthorizationSettings
from config.settings.jobs import JobQueueSettings
from mrk.access.decision import AccessRules
from mrk.access.trusted_clients import TrustedClients
from nurseries.jobs.job_queue import Transitions


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
