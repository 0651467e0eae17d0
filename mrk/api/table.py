"""The table of all endpoints: finds the one that a route or a method name means.

Built once per generation by the root; Klippy's own endpoints are added when first seen. Paths with
captures (`mrk/api/route_pattern.py`) are tried only when no endpoint has that very path.
"""

import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import msgspec

from mrk.access.role_needed import role_needed
from mrk.api.arguments import ArgumentReader
from mrk.api.caller import Caller, Transport
from mrk.api.endpoint import Derived, Endpoint, rpc_name, verb_rpc_name
from mrk.api.json_arguments import JsonText, decode_object
from mrk.api.route_pattern import RoutePattern
from mrk.definitions.limits import ARGUMENTS_BYTES
from mrk.errors import ClientError

_NONE: Mapping[str, object] = types.MappingProxyType({})
# Arguments that may make a call urgent.
_URGENT_BYTES = 500


class Method(msgspec.Struct, frozen=True):
    """One endpoint made ready to be called; `captured` arguments from the path win over others."""

    endpoint: Endpoint
    rpc: str | None
    reader: ArgumentReader | None
    captured: Mapping[str, str] | None = None

    def call(self, arguments: Mapping[str, object] | msgspec.Raw, caller: Caller) -> Any:
        """Run the handler; returns its result, or a coroutine when it is async (`mrk.api.perform`).

        Arguments that are JSON text are not looked at before the caller was.
        Raises `ClientError` for a caller without access and for arguments that do not fit.
        """
        needed = self.endpoint.access.role
        if needed is not None:
            if not caller.authorized:
                raise caller.refusal()
            if caller.role < needed:
                raise role_needed(needed, caller.role)
        if isinstance(arguments, msgspec.Raw):
            # What has no names for arguments looks at none.
            arguments = (
                _NONE if self.reader is not None and self.reader.blank else self.decode(arguments)
            )
        if self.captured is not None:
            arguments = {**arguments, **self.captured}
        reader = self.reader
        if reader is None:
            return self.endpoint.handler(arguments, caller)
        if reader.default is not None and not arguments:
            return self.endpoint.handler(reader.default, caller)
        return self.endpoint.handler(reader.read(arguments), caller)

    def is_urgent(self, arguments: Mapping[str, object] | msgspec.Raw) -> bool:
        """Whether a call with such arguments overtakes others; no long text is looked at."""
        urgent = self.endpoint.urgent
        if isinstance(urgent, bool):
            return urgent
        if isinstance(arguments, msgspec.Raw):
            if len(memoryview(arguments)) > _URGENT_BYTES:
                return False
            arguments = self.decode(arguments)
        return urgent(arguments)

    def decode(self, text: JsonText) -> Mapping[str, object]:
        """The arguments in a JSON object, as far as the endpoint has them.

        Raises `ClientError`: 413 for more than it takes, 400 for too many values, and for what is
        no JSON object.
        """
        if len(memoryview(text)) > ARGUMENTS_BYTES and not self.endpoint.large:
            raise ClientError(f"The arguments are larger than {ARGUMENTS_BYTES} bytes", 413)
        return decode_object(text) if self.reader is None else self.reader.decode(text)


Unlisted = Callable[[str], Endpoint | None]
# A message may be one long name; no endpoint has such.
_LONGEST_NAME = 200


class Table:
    """All endpoints, by method name and by route.

    `unlisted` gives an endpoint for a path that is not here, as long as it may come to be.
    """

    def __init__(
        self,
        endpoints: Iterable[Endpoint] = (),
        unlisted: Unlisted | None = None,
    ) -> None:
        self._unlisted: Unlisted = unlisted or (lambda _path: None)
        self._methods: dict[str, Method] = {}
        self._routes: dict[str, dict[str, Method]] = {}
        self._patterns: dict[str, tuple[RoutePattern, dict[str, Method]]] = {}
        self.add(endpoints)

    def add(self, endpoints: Iterable[Endpoint], unlisted: Unlisted | None = None) -> None:
        """Take more endpoints; raises `ValueError` for a path or name that is there already."""
        if unlisted is not None:
            self._unlisted = unlisted
        for method in _methods(list(endpoints)):
            self._add(method)

    def check_addition(self, endpoints: Iterable[Endpoint]) -> None:
        """Raise what `add` would raise, and add nothing."""
        new = Table(endpoints)
        for name in new._methods:
            if name in self._methods:
                raise ValueError(f"method {name} is declared twice")
        for path in (*new._routes, *new._patterns):
            if path in self._routes or path in self._patterns:
                raise ValueError(f"{path} is declared twice")

    def _add(self, method: Method) -> None:
        endpoint = method.endpoint
        if method.rpc is not None:
            if method.rpc in self._methods:
                raise ValueError(f"method {method.rpc} is declared twice")
            self._methods[method.rpc] = method
        if endpoint.http:
            route = self._verbs_of(endpoint.path)
            for verb in endpoint.verbs:
                if verb in route:
                    raise ValueError(f"{verb} {endpoint.path} is declared twice")
                route[verb] = method

    def _verbs_of(self, path: str) -> dict[str, Method]:
        if not RoutePattern.is_one(path):
            return self._routes.setdefault(path, {})
        if path not in self._patterns:
            self._patterns[path] = (RoutePattern(path), {})
        return self._patterns[path][1]

    def extend(self, endpoints: Iterable[Endpoint]) -> list[Endpoint]:
        """Add endpoints discovered at run time, and return those that are new.

        A path or name that is already here keeps its owner, so Klippy cannot replace mrk's own.
        """
        new = [
            endpoint
            for endpoint in endpoints
            if endpoint.path not in self._routes
            and endpoint.path not in self._patterns
            and rpc_name(endpoint.path) not in self._methods
        ]
        for method in _methods(new):
            self._add(method)
        return new

    def method(self, name: str, transport: Transport) -> Method:
        """Return the method of that name; raises 404 where it is unknown or not offered."""
        found = self._methods.get(name)
        if found is None and len(name) <= _LONGEST_NAME:
            found = self._unlisted_method("/" + name.replace(".", "/"))
        if found is None or transport not in found.endpoint.transports:
            raise ClientError(f"Method not found: {name[:_LONGEST_NAME]}", 404)
        return found

    def route(self, verb: str, path: str) -> Method:
        """Return the method behind an HTTP request; raises 404, or 405 for another verb."""
        verbs = self._routes.get(path) or self._unlisted_verbs(path)
        if not verbs:
            return self._captured_route(verb, path)
        found = verbs.get(verb)
        if found is None:
            raise ClientError("Method Not Allowed", 405)
        return found

    def _captured_route(self, verb: str, path: str) -> Method:
        status, message = 404, "Not Found"
        for pattern, verbs in self._patterns.values():
            captured = pattern.match(path)
            if captured is not None:
                if verb in verbs:
                    return msgspec.structs.replace(verbs[verb], captured=captured)
                status, message = 405, "Method Not Allowed"
        raise ClientError(message, status)

    def _unlisted_method(self, path: str) -> Method | None:
        endpoint = self._unlisted(path)
        return None if endpoint is None else _method(endpoint, endpoint.verbs, False)

    def _unlisted_verbs(self, path: str) -> dict[str, Method]:
        method = self._unlisted_method(path)
        return {} if method is None else dict.fromkeys(method.endpoint.verbs, method)

    def has(self, path: str) -> bool:
        """Whether an endpoint has that very path, without captures."""
        return path in self._routes

    def verbs(self, path: str) -> list[str]:
        """The verbs that `path` answers; empty when it is no API route."""
        verbs = self._routes.get(path) or self._unlisted_verbs(path)
        if verbs:
            return sorted(verbs)
        matching = (v for pattern, v in self._patterns.values() if pattern.match(path) is not None)
        return sorted({verb for some in matching for verb in some})

    def __iter__(self) -> Iterator[Method]:
        seen = {id(m): m for m in self._methods.values()}
        routes = [*self._routes.values(), *(verbs for _pattern, verbs in self._patterns.values())]
        seen |= {id(m): m for verbs in routes for m in verbs.values()}
        return iter(seen.values())


def _methods(endpoints: list[Endpoint]) -> list[Method]:
    verb_count: dict[str, int] = {}
    for endpoint in endpoints:
        verb_count[endpoint.path] = verb_count.get(endpoint.path, 0) + len(endpoint.verbs)
    return [
        _method(endpoint, verb, verb_count[endpoint.path] > 1)
        for endpoint in endpoints
        for verb in _split(endpoint, verb_count[endpoint.path])
    ]


def _split(endpoint: Endpoint, verb_count: int) -> tuple[tuple[str, ...], ...]:
    """Verbs that share one method: all of them when the name is given, else one by one."""
    if endpoint.rpc is not Derived.RPC_NAME or verb_count == 1:
        return (endpoint.verbs,)
    return tuple((verb,) for verb in endpoint.verbs)


def _method(endpoint: Endpoint, verbs: tuple[str, ...], several_verbs: bool) -> Method:
    match endpoint.rpc:
        case Derived.RPC_NAME if several_verbs:
            name: str | None = verb_rpc_name(endpoint.path, verbs[0])
        case Derived.RPC_NAME:
            name = rpc_name(endpoint.path)
        case given:
            name = given
    if verbs != endpoint.verbs:
        endpoint = msgspec.structs.replace(endpoint, verbs=verbs)
    reader = None if endpoint.params is None else ArgumentReader(endpoint.params)
    return Method(endpoint, name, reader)
