"""The socket below a client's stream, where that is a plain one."""

import trio


def plain_socket(
    stream: trio.abc.AsyncResource, *, below_tls: bool = False
) -> trio.socket.SocketType | None:
    """Looks through one wrapper (`transport`), such as the door's, and through TLS if asked to.

    None where there is no plain socket, as below test streams.
    """
    plain = getattr(stream, "transport", stream)
    if below_tls and isinstance(plain, trio.SSLStream):
        plain = plain.transport_stream
    return plain.socket if isinstance(plain, trio.SocketStream) else None
