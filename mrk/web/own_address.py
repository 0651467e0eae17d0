"""Where clients reach this daemon over HTTP, as configured; for parts that tell others."""

import msgspec


class OwnAddress(msgspec.Struct, frozen=True):
    """`host` None: every interface. `https_port` None: no HTTPS. `route_prefix` as in settings."""

    host: str | None
    port: int
    https_port: int | None = None
    route_prefix: str = ""
