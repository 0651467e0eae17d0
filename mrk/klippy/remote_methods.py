"""Remote methods: names that Klipper macros may call (`action_call_remote_method`).

A registry of handlers; the link tells Klipper the names and hands calls in. Nothing goes back
to Klipper: a call that does not fit is reported to the log by whoever dispatches.
"""

import inspect
from collections.abc import Callable, Iterator
from typing import Any

from mrk.errors import ClientError, MrkError

# Called in the link's reader: they must not block, and hand work on to their own task.
RemoteMethod = Callable[..., object]
# Templates of our own subscriptions; a remote method of that name would catch them.
RESERVED = frozenset({"process_gcode_response", "process_status_update"})


_TRUE = frozenset({"true", "1", "yes", "on"})


def is_true(value: object) -> bool:
    """Whether a macro meant yes: what its template wrote may be a truth, a number or a text."""
    if isinstance(value, int | float):
        return bool(value)
    return str(value).strip().lower() in _TRUE


class BadRemoteCall(MrkError):
    """A macro called a method that is unknown, or with other keywords than it takes."""


class RemoteMethods:
    """Names are unique per host; they outlive connections."""

    def __init__(self) -> None:
        self._methods: dict[str, tuple[RemoteMethod, inspect.Signature]] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._methods))

    def __contains__(self, name: object) -> bool:
        return name in self._methods

    def register(self, name: str, method: RemoteMethod) -> None:
        """Add a method; raises `ClientError` 400 for a name that is taken."""
        if not name or name in RESERVED or name in self._methods:
            raise ClientError(f"Remote method '{name}' is already registered")
        self._methods[name] = (method, inspect.signature(method))

    def unregister(self, name: str) -> None:
        """Forget a method; Klipper cannot, so its calls are reported as unknown from now on."""
        self._methods.pop(name, None)

    def bind(self, name: str, params: Any) -> Callable[[], object]:
        """Return the call, ready to be made; raises `BadRemoteCall`."""
        if name not in self._methods:
            raise BadRemoteCall(f"unknown remote method '{name[:100]}'")
        method, signature = self._methods[name]
        params = {} if params is None else params
        if not isinstance(params, dict):
            raise BadRemoteCall(f"remote method '{name}': params are not an object")
        try:
            bound = signature.bind(**params)
        except TypeError as exc:
            raise BadRemoteCall(f"remote method '{name}': {exc}") from None
        return lambda: method(*bound.args, **bound.kwargs)
