"""Settings as the layers below want them: limits for transports, trust for requests."""

import functools
import ipaddress

from config.settings.authorization import AuthorizationSettings
from config.settings.jobs import JobQueueSettings
from config.settings.server import ServerSettings
from mrk.access.judge import Network, judge
from mrk.http.head import RequestHead
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


class Trust:
    """The judgement of requests by `trusted_clients`; `warnings` says what is not honoured."""

    def __init__(self, authorization: AuthorizationSettings) -> None:
        clients = authorization.trusted_clients
        single = (ipaddress.ip_network(address) for address in clients.addresses)
        self._networks: tuple[Network, ...] = (*clients.networks, *single)
        # Parsing an address costs as much as a third of an API answer.
        self._judge = functools.lru_cache(maxsize=1024)(self._judge_address)
        self.warnings = [
            f"[authorization] trusted_clients: {name}: names are not looked up yet; use addresses"
            for name in clients.names
        ]

    def trusts(self, address: str) -> bool:
        """Whether the client at an IP address is authorized."""
        return self._judge(address)

    def _judge_address(self, address: str) -> bool:
        return judge(address, self._networks)

    def authorize(self, head: RequestHead) -> bool:
        """Whether a request comes from a trusted client."""
        return self.trusts(head.address)
