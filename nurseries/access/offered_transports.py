"""How access.* methods are offered: to everybody but over MQTT, whose callers are all one."""

from collections.abc import Callable
from typing import Any

import msgspec

from mrk.api.caller import Transport
from mrk.api.endpoint import Access, Endpoint

OFFERED = frozenset(Transport) - {Transport.MQTT}


def offered(
    route: str,
    params: type[msgspec.Struct],
    handler: Callable[[Any, Any], Any],
    summary: str,
    access: Access,
    result: Any,
) -> Endpoint:
    """An endpoint; `route` is the verb and the path below /access, such as `POST login`."""
    verb, _, path = route.partition(" ")
    return Endpoint(
        f"/access/{path}",
        (verb,),
        params,
        handler,
        summary,
        transports=OFFERED,
        access=access,
        result=result,
    )
