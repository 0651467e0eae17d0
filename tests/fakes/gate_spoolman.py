"""A Spoolman behind the API method that passes requests on, for multi-material units."""

import json
from typing import Any

import trio

from config.template_errors import TemplateFailed


class GateSpoolman:
    """Implements `TemplateMethods`; `spools` by id, `fields` are the extra ones."""

    def __init__(self, version: str = "0.22.0") -> None:
        self.version = version
        self.spools: dict[int, dict[str, Any]] = {}
        self.fields: dict[str, Any] = {}
        self.away = 0  # so many calls are refused
        self.refused: set[int] = set()  # spools that cannot be changed
        self.calls: list[tuple[str, str]] = []
        self.active: int | None = None
        self.is_configured = True

    def add(self, spool_id: int, printer: str = "", gate: int = -1, **filament: Any) -> None:
        extra = {}
        if printer:
            extra = {"printer_name": json.dumps(printer), "mmu_gate_map": str(gate)}
        self.spools[spool_id] = {"id": spool_id, "filament": {"id": 7, **filament}, "extra": extra}

    def place(self, spool_id: int) -> tuple[str, int]:
        extra = self.spools[spool_id]["extra"]
        printer = json.loads(extra.get("printer_name", '""'))
        return printer, json.loads(extra.get("mmu_gate_map", "-1"))

    async def call_method(self, method: str, **arguments: Any) -> Any:
        await trio.lowlevel.checkpoint()
        if not self.is_configured:
            raise TemplateFailed(f"call_method: no method {method}")
        if method == "server.spoolman.get_spool_id":
            return {"spool_id": self.active}
        assert method == "server.spoolman.proxy"
        assert arguments["use_v2_response"]
        verb, path = arguments["request_method"], arguments["path"]
        self.calls.append((verb, path))
        if self.away:
            self.away -= 1
            return {"response": None, "error": {"status_code": 502, "message": "away"}}
        body: Any = arguments.get("body")
        if verb == "PATCH" and not body["extra"].keys() <= self.fields.keys():
            return {"response": None, "error": {"status_code": 400, "message": "Unknown field"}}
        if verb == "PATCH" and int(path.rpartition("/")[2]) in self.refused:
            return {"response": None, "error": {"status_code": 500, "message": "locked"}}
        return {"response": self._answer(verb, path, body), "error": None}

    def _answer(self, verb: str, path: str, body: Any) -> Any:
        match verb, path.split("/")[2:]:
            case "GET", ["info"]:
                return {"version": self.version}
            case "GET", ["field", "spool"]:
                return [{"key": key} for key in self.fields]
            case "POST", ["field", "spool", key]:
                self.fields[key] = body
                return list(self.fields)
            case "GET", ["spool"]:
                return list(self.spools.values())
            case "PATCH", ["spool", number]:
                spool = self.spools[int(number)]
                spool["extra"] |= body["extra"]
                spool |= {key: value for key, value in body.items() if key != "extra"}
                return spool
        raise AssertionError((verb, path))
