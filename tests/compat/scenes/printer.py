"""The server and the printer behind it, devices beside it, and OctoPrint's API."""

from tests.compat.scenes.jobs import CUBE, GCODE
from tests.compat.twin import Twin

POWER = "/machine/device_power"


def info(twin: Twin) -> None:
    """What a front end asks first, on its websocket."""
    for method in ("server.info", "printer.info", "server.config", "server.websocket.id"):
        twin.call(method)
    twin.call("printer.objects.list")
    wanted = {"toolhead": None, "extruder": ["temperature"], "print_stats": None}
    twin.call("printer.objects.query", {"objects": wanted})
    twin.call("printer.objects.subscribe", {"objects": wanted})
    twin.call("server.temperature_store", {"include_monitors": True})
    twin.call("printer.gcode.script", {"script": "M115"})
    twin.call("printer.gcode.script", {"script": "NO_SUCH_COMMAND"}, "unknown command")
    twin.call("printer.gcode.script", {}, "without a script")
    twin.call("server.gcode_store", {"count": 5})
    identity = {"client_name": "twin", "version": "1", "type": "web", "url": "http://x"}
    twin.call("server.connection.identify", identity, "again")


def json_rpc(twin: Twin) -> None:
    """What is wrong with a request, and requests by HTTP."""
    twin.call("no.such.method")
    twin.call("server.info", {"raw": "neither"}, "bad argument")
    one = {"jsonrpc": "2.0", "method": "server.info", "id": 5}
    twin.ask("POST", "/server/jsonrpc", json=one)
    twin.ask("POST", "/server/jsonrpc", "a batch", json=[one, {**one, "method": "no.such"}])
    twin.ask("GET", "/no/such/path")
    twin.ask("POST", "/server/info", "wrong verb")


def devices(twin: Twin) -> None:
    """Power devices, light strips, sensors, the broker, Spoolman."""
    for query in ("lamp", "lamp&none", "none", ""):
        twin.ask("GET", f"{POWER}/status?{query}", query or "nothing")
    for device in ("lamp", "none"):
        twin.ask("GET", f"{POWER}/device", device, params={"device": device})
        for action in ("on", "off", "sideways"):
            words = {"device": device, "action": action}
            twin.ask("POST", f"{POWER}/device", f"{device} {action}", json=words)
    twin.ask("GET", "/machine/wled/status?none", "none")
    for what in ("info", "measurements"):
        twin.ask("GET", f"/server/sensors/{what}", "meter", params={"sensor": "meter"})
        twin.ask("GET", f"/server/sensors/{what}", "none", params={"sensor": "none"})
    twin.ask("POST", "/server/mqtt/publish", json={"topic": "twin/x", "payload": "y"})
    agent = {"agent": "none", "method": "x"}
    twin.ask("POST", "/server/extensions/request", "none", json=agent)
    proxied = {"request_method": "GET", "path": "/v1/info"}
    twin.ask("POST", "/server/spoolman/proxy", json=proxied)
    proxied["use_v2_response"] = "true"
    twin.ask("POST", "/server/spoolman/proxy", "second form", json=proxied)


def updates(twin: Twin) -> None:
    """A clone that is behind is updated and goes back; names that nobody knows."""
    for what in ("refresh", "upgrade", "rollback", "client", "recover"):
        twin.ask("POST", f"/machine/update/{what}", "thing", json={"name": "thing"})
        twin.ask("GET", "/machine/update/status", f"after the {what}")
    for what in ("refresh", "upgrade", "recover", "rollback", "client"):
        twin.ask("POST", f"/machine/update/{what}", "none", json={"name": "none"})
    twin.ask("POST", "/machine/services/restart", "none", json={"service": "none"})


def octoprint(twin: Twin) -> None:
    """What slicers do that know OctoPrint."""
    files = {"file": ("slicer.gcode", GCODE, "application/octet-stream")}
    twin.ask("POST", "/api/files/local", files=files, data={"print": "false"})
    twin.ask("POST", "/api/login", json={"passive": True})
    twin.ask("POST", "/api/printer/command", json={"commands": ["M105"]})
    none = "/api/files/moonraker/gcodes/none.gcode"
    twin.ask("POST", none, json={"command": "select"})


def faults(twin: Twin) -> None:
    """A printer that stops, and one that starts anew."""
    twin.call("printer.emergency_stop")
    twin.wait_for("notify_klippy_shutdown")
    twin.ask("GET", "/printer/info", "shut down")
    twin.ask("GET", "/server/info", "shut down")
    twin.ask("POST", "/printer/print/start", "shut down", json={"filename": CUBE})
    twin.ask("POST", "/printer/gcode/script", "shut down", json={"script": "G28"})
    twin.ask("POST", "/printer/firmware_restart")
    twin.wait_for("notify_klippy_ready")
    twin.ask("GET", "/server/info", "ready again")
