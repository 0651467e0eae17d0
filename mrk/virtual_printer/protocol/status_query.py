"""objects/list, objects/query and objects/subscribe: one subscription per connection, diffs pushed.

The owner calls `check` with real time; while anything was asked the next look is one interval
later, which is why a query beside a subscription waits for the beat (`klippy/webhooks.py`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mrk.virtual_printer.gcode.command_errors import CommandError
from mrk.virtual_printer.protocol.webhooks import Params, Reply, Result, Webhooks, WebRequest
from mrk.virtual_printer.reactor import Completion, Reactor

Status = dict[str, Any]
Wanted = dict[str, list[str] | None]


@dataclass(slots=True)
class _Query:
    wanted: Wanted
    done: Completion
    result: Result


class StatusQueries:
    """Pending queries and standing subscriptions over `objects`, name to get_status."""

    def __init__(self, reactor: Reactor, webhooks: Webhooks, interval_s: float) -> None:
        self._reactor = reactor
        self._webhooks = webhooks
        self._interval_s = interval_s
        self.objects: dict[str, Callable[[float], Status]] = {}
        self._pending: list[_Query] = []
        self._subscribed: dict[int, tuple[Wanted, Params]] = {}
        self._last: dict[str, Status] = {}
        self._next_at: float | None = None
        webhooks.on_disconnect.append(self._forget)

    def _forget(self, connection: int) -> None:
        self._subscribed.pop(connection, None)

    def register(self) -> None:
        """Add the three endpoints."""
        self._webhooks.register("objects/list", self._list)
        self._webhooks.register("objects/query", self._query)
        self._webhooks.register("objects/subscribe", self._subscribe)

    def next_at(self, real_now: float) -> float | None:
        """Real time of the next look, None while nobody asks."""
        if self._next_at is not None:
            return self._next_at
        return real_now if self._pending or self._subscribed else None

    def check(self, real_now: float) -> None:
        """Answer pending queries and push changes, if the time has come."""
        at = self.next_at(real_now)
        if at is None or real_now < at:
            return
        before, self._last = self._last, {}
        pending, self._pending = self._pending, []
        for query in pending:
            query.result["eventtime"] = self._reactor.now
            query.result["status"] = self._read(query.wanted)
            self._reactor.complete(query.done)
        for connection, (wanted, template) in list(self._subscribed.items()):
            changed = self._changed(wanted, before)
            if changed:
                params = {"eventtime": self._reactor.now, "status": changed}
                self._webhooks.send(connection, {**template, "params": params})
        self._next_at = real_now + self._interval_s if self._last else None

    def status(self, name: str) -> Status | None:
        """The whole status of an object now, or None."""
        get_status = self.objects.get(name)
        return None if get_status is None else get_status(self._reactor.now)

    def _status(self, name: str) -> Status:
        found = self._last.get(name)
        if found is None:
            found = self._last[name] = self.status(name) or {}
        return found

    def _read(self, wanted: Wanted) -> dict[str, Status]:
        found = {}
        for name, fields in wanted.items():
            status = self._status(name)
            if fields is None:
                # From here on the subscription means the fields there were at its beginning.
                fields = list(status)
                if fields:
                    wanted[name] = fields
            found[name] = {field: status.get(field) for field in fields}
        return found

    def _changed(self, wanted: Wanted, before: dict[str, Status]) -> dict[str, Status]:
        found: dict[str, Status] = {}
        for name, fields in wanted.items():
            status = self._status(name)
            old = before.get(name, {})
            changed = {
                field: status.get(field)
                for field in (status if fields is None else fields)
                if status.get(field) != old.get(field)
            }
            if changed:
                found[name] = changed
        return found

    def _list(self, request: WebRequest) -> Result:
        return {"objects": list(self.objects)}

    def _query(self, request: WebRequest) -> Reply:
        return self._ask(_wanted(request))

    def _subscribe(self, request: WebRequest) -> Reply:
        wanted = _wanted(request)
        template = request.get_dict("response_template", {})
        self._subscribed.pop(request.connection, None)
        return self._ask_and_stay(request.connection, wanted, template)

    def _ask(self, wanted: Wanted) -> Reply:
        query = _Query(wanted, Completion(), {})
        self._pending.append(query)
        return self._answer(query)

    def _answer(self, query: _Query) -> Reply:
        yield query.done
        return query.result

    def _ask_and_stay(self, connection: int, wanted: Wanted, template: Params) -> Reply:
        result = yield from self._ask(wanted)
        if connection in self._webhooks.connections:
            self._subscribed[connection] = (wanted, template)
        return result


def _wanted(request: WebRequest) -> Wanted:
    wanted = request.get_dict("objects")
    for fields in wanted.values():
        if fields is not None and (
            type(fields) is not list or any(type(field) is not str for field in fields)
        ):
            raise CommandError("Invalid argument")
    return dict(wanted)
