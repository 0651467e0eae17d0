"""Every bound that a client can run into, in one place.

Defaults are what `[server]` says without options; the root fills in what the user configured.
"""

import msgspec

MIB = 1024 * 1024
# Of an MQTT topic (MQTT 3.1.1, section 1.5.3): a text carries its length in two bytes.
TOPIC_BYTES = 65535
# The arguments of one call, however they come, save where an endpoint takes a large value.
ARGUMENTS_BYTES = MIB
# Larger messages and bodies are read into objects one at a time, others getting their turn between
# two: each takes up to 40 ms, and a hundred clients may have sent one at the same moment.
LARGE_CALL_BYTES = 16 * 1024


class Limits(msgspec.Struct, frozen=True):
    """Sizes in bytes, times in seconds, everything else in pieces."""

    connections: int = 2000  # TCP connections at once, over it: an idle one ends, else 503
    websockets: int = 1000  # primary and bridge together, over it: 503 at the handshake
    # Primary websockets that nobody logged in on, over it: 503 for more such.
    unauthorized_websockets: int = 100
    unauthorized_websockets_per_address: int = 25
    unix_connections: int = 200
    requests_in_flight: int = 100  # per client, over it: they wait; 1 MB of these: error 429
    batch_calls: int = 1000
    head_bytes: int = 64 * 1024  # request line and headers, over it: 431
    head_s: float = 10.0  # from the first byte, over it: 408
    keep_alive_s: float = 75.0  # idle between requests
    body_bytes: int = 16 * MIB  # where a large value is taken, over it: 413; else ARGUMENTS_BYTES
    body_idle_s: float = 60.0  # without progress, over it: 408
    unread_body_bytes: int = 8 * MIB  # of a refused request, over it: its connection ends
    unread_body_s: float = 5.0  # for all of that body, over it: the same
    message_bytes: int = 10 * MIB  # one websocket message, over it: close code 1009
    unix_message_bytes: int = 20 * MIB  # also Klippy's frames
    outbox_bytes: int = 4 * MIB
    send_s: float = 30.0  # one slice of output without progress
    ping_s: float = 10.0  # between pings, and for the pong
    # Notifications kept for clients that come back, over any of these: the oldest is forgotten.
    replay_events: int = 5000
    replay_bytes: int = 4 * MIB
    replay_s: float = 900.0
    goodbye_s: float = 0.3  # for the last words to one client at shutdown
