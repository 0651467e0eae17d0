"""Opens the stream to a broker: name look-up, TCP, TLS. The caller sets the deadline."""

import os
import ssl

import trio

from config.settings.mqtt import MqttSettings
from mrk.errors import Transient


class BrokerNotReached(Transient):
    """No connection to the broker was had."""


async def open_stream(settings: MqttSettings) -> trio.abc.Stream:
    """A connected stream; raises `BrokerNotReached` with what to check."""
    place = f"{settings.address}:{settings.port}"
    try:
        stream = await trio.open_tcp_stream(settings.address, settings.port)
    except (OSError, UnicodeError) as exc:  # the latter for "192.168..5"
        text = f"no MQTT broker at {place} ({_reason(exc)})"
        raise BrokerNotReached(f"{text}; check address and port in [mqtt]") from exc
    if not settings.enable_tls:
        return stream
    try:
        context = await trio.to_thread.run_sync(_context, settings, abandon_on_cancel=True)
        secured = trio.SSLStream(stream, context, server_hostname=settings.address)
        await secured.do_handshake()
    except (OSError, trio.BrokenResourceError) as exc:
        await trio.aclose_forcefully(stream)
        text = f"no TLS with the MQTT broker at {place}: {_reason(exc)}"
        raise BrokerNotReached(
            f"{text}; check port, tls_ca_path and tls_cert_path in [mqtt]"
        ) from exc
    except trio.Cancelled:
        await trio.aclose_forcefully(stream)
        raise
    return secured


def _context(settings: MqttSettings) -> "ssl.SSLContext":
    """Reads certificates, so it runs in a thread; raises `OSError` (of which SSLError is one)."""
    ca_path = settings.tls_ca_path
    context = ssl.create_default_context(cafile=None if ca_path is None else str(ca_path))
    if settings.tls_cert_path is not None:
        # An encrypted key would ask at a terminal; the password callback makes that an error.
        context.load_cert_chain(settings.tls_cert_path, settings.tls_key_path, password=lambda: "")
    return context


def _reason(error: BaseException) -> str:
    if error.__cause__ is not None and isinstance(error, trio.BrokenResourceError):
        return _reason(error.__cause__)
    if isinstance(error, BaseExceptionGroup):
        return _reason(error.exceptions[0])
    if isinstance(error, OSError) and error.__cause__ is not None:
        return _reason(error.__cause__)
    # Errors of TLS and of look-ups have codes of their own; to ask for `ssl`'s would load OpenSSL.
    if isinstance(error, OSError) and type(error).__module__ == "builtins":
        return os.strerror(error.errno) if error.errno else str(error)
    return str(getattr(error, "verify_message", "") or error) or type(error).__name__
