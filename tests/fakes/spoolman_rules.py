"""What a Spoolman 0.26 answers, without I/O: spools, their use, and the shapes of its errors.

Checked against answers recorded from the real server (tests/data/spoolman).
"""

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

JSON = "application/json"
HTML = "<!doctype html><title>Spoolman</title>"
_BEYOND_64_BITS = 2**63


@dataclass
class Answer:
    status: int
    body: bytes
    content_type: str = JSON

    @classmethod
    def of(cls, value: Any, status: int = 200) -> "Answer":
        return cls(status, json.dumps(value, separators=(",", ":")).encode())

    @classmethod
    def message(cls, status: int, text: str) -> "Answer":
        return cls.of({"message": text}, status)


BROKEN = Answer(500, b"Internal Server Error", "text/plain; charset=utf-8")
PAGE = Answer(200, HTML.encode(), "text/html; charset=utf-8")
WRONG_VERB = Answer.of({"detail": "Method Not Allowed"}, 405)
NO_ROUTE = Answer.of({"detail": "Not Found"}, 404)
FILAMENT = {"id": 1, "registered": "2026-01-01T00:00:00Z", "density": 1.24, "diameter": 1.75,
            "weight": 1000.0, "extra": {}}  # fmt: skip


class Invalid(Exception):
    """A 422 with these details."""


@dataclass
class SpoolmanRules:
    """Spools by id, as answered; `events` are what sockets are told, in order. `now` is a time as
    the server writes it (UTC, whole seconds)."""

    now: Callable[[], str] = lambda: "2026-01-02T00:00:00Z"
    spools: dict[int, dict[str, Any]] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    made: int = 0

    def add(self, spool_id: int | None = None, **fields: Any) -> int:
        """A new spool; of a reused id it is another one."""
        if spool_id is None:
            spool_id = max(self.spools, default=0) + 1
        self.made += 1
        spool = {"id": spool_id, "registered": f"2026-01-01T00:00:{self.made % 60:02}Z",
                 "filament": dict(FILAMENT), "initial_weight": 1000.0, "used_weight": 0.0,
                 "archived": False, "extra": {}}  # fmt: skip
        self.spools[spool_id] = {**spool, **fields}
        self._tell("added", spool_id)
        return spool_id

    def delete(self, spool_id: int) -> None:
        self._tell("deleted", spool_id)
        del self.spools[spool_id]

    def used_mm(self, spool_id: int) -> float:
        return self.shown(spool_id)["used_length"]

    def shown(self, spool_id: int) -> dict[str, Any]:
        spool = self.spools[spool_id]
        grams_per_mm = _grams_per_mm(spool["filament"])
        shown = dict(spool)
        full = spool.get("initial_weight", spool["filament"].get("weight"))
        shown["used_length"] = spool["used_weight"] / grams_per_mm
        if full is not None:
            shown["remaining_weight"] = max(full - spool["used_weight"], 0.0)
            shown["remaining_length"] = shown["remaining_weight"] / grams_per_mm
        return {name: _finite(value) for name, value in shown.items() if value is not None}

    def answer(self, verb: str, target: str, body: bytes, content_type: str = "") -> Answer:
        """One request; `target` may have a query."""
        path = unquote(target.partition("?")[0])
        if not path.startswith("/api/v1/"):
            return PAGE if verb == "GET" else WRONG_VERB
        parts = path.removeprefix("/api/v1/").split("/")
        match parts:
            case ["info"]:
                return Answer.of({"version": "0.26.1", "db_type": "sqlite"})
            case ["health"]:
                return Answer.of({"status": "healthy"})
            case ["spool"] if verb == "GET":
                return Answer.of([self.shown(one) for one in self.spools])
            case ["spool", text] | ["spool", text, "use"]:
                is_use = len(parts) == 3
                if verb not in (("PUT",) if is_use else ("GET", "PATCH", "DELETE")):
                    return WRONG_VERB
                try:
                    return self._one(verb, text, body, content_type)
                except Invalid as exc:
                    return Answer.of({"detail": list(exc.args)}, 422)
        return NO_ROUTE

    def _one(self, verb: str, text: str, body: bytes, content_type: str) -> Answer:
        spool_id = _int(text)
        if verb == "PUT":
            return self._use(spool_id, _body(body, content_type))
        if abs(spool_id) >= _BEYOND_64_BITS:
            return BROKEN
        if spool_id not in self.spools:
            return Answer.message(404, f"No spool with ID {spool_id} found.")
        if verb == "DELETE":
            self.delete(spool_id)
            return Answer.message(200, "Success!")
        if verb == "PATCH":
            self.spools[spool_id].update(_body(body, content_type))
            self._tell("updated", spool_id)
        return Answer.of(self.shown(spool_id))

    def _use(self, spool_id: int, given: dict[str, Any]) -> Answer:
        faults: list[dict[str, Any]] = []
        length = _number(given, "use_length", faults)
        weight = _number(given, "use_weight", faults)
        if faults:
            raise Invalid(*faults)
        if length is not None and weight is not None:
            return Answer.message(400, "Only specify either use_weight or use_length.")
        if length is None and weight is None:
            return Answer.message(400, "Either use_weight or use_length must be specified.")
        if abs(spool_id) >= _BEYOND_64_BITS:
            return BROKEN
        if spool_id not in self.spools:
            by_length = "Filament not found for spool."
            missing = f"No spool with ID {spool_id} found."
            return Answer.message(404, by_length if weight is None else missing)
        spool = self.spools[spool_id]
        if weight is None:
            assert length is not None
            weight = length * _grams_per_mm(spool["filament"])
        used = spool["used_weight"] + weight
        spool["used_weight"] = 0.0 if math.isnan(used) else max(used, 0.0)
        spool["last_used"] = self.now()
        spool.setdefault("first_used", spool["last_used"])
        self._tell("updated", spool_id)
        return Answer.of(self.shown(spool_id))

    def _tell(self, kind: str, spool_id: int) -> None:
        payload = self.shown(spool_id)
        self.events.append({"type": kind, "resource": "spool", "date": self.now(),
                            "payload": payload})  # fmt: skip


def _grams_per_mm(filament: dict[str, Any]) -> float:
    return math.pi * (filament["diameter"] / 2) ** 2 / 1000 * filament["density"]


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _int(text: str) -> int:
    if re.fullmatch(r"-?[0-9]+", text):
        return int(text)
    raise Invalid(
        {"type": "int_parsing", "loc": ["path", "spool_id"], "input": text,
         "msg": "Input should be a valid integer, unable to parse string as an integer"}
    )  # fmt: skip


def _body(body: bytes, content_type: str) -> dict[str, Any]:
    media = content_type.partition(";")[0].strip().lower()
    if not body or body == b"null":
        raise Invalid({"type": "missing", "loc": ["body"], "msg": "Field required", "input": None})
    value: Any = body.decode()
    if media == JSON or media.endswith("+json"):
        value = json.loads(body)
    if not isinstance(value, dict):
        text = "Input should be a valid dictionary or object to extract fields from"
        raise Invalid(
            {"type": "model_attributes_type", "loc": ["body"], "msg": text, "input": value}
        )
    return value


def _number(given: dict[str, Any], name: str, faults: list[dict[str, Any]]) -> float | None:
    value = given.get(name)
    if value is None:
        return None
    fault = {"loc": ["body", name], "input": value}
    text = "Input should be a valid number"
    try:
        if isinstance(value, str | int | float):
            return float(value)
        faults.append({"type": "float_type", "msg": text, **fault})
    except ValueError:
        more = ", unable to parse string as a number"
        faults.append({"type": "float_parsing", "msg": text + more, **fault})
    return None
