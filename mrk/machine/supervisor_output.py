"""What `supervisorctl` prints, as plain values.

Pure. States: supervisord's documentation, "Process States"; they are told in systemd's words,
which front ends know.
"""

from mrk.machine.machine_protocols import UnitStatus

_STATES = {
    "RUNNING": UnitStatus("active", "running"),
    "STARTING": UnitStatus("activating", "start"),
    "BACKOFF": UnitStatus("activating", "auto-restart"),
    "STOPPING": UnitStatus("deactivating", "stop"),
    "STOPPED": UnitStatus("inactive", "dead"),
    "EXITED": UnitStatus("inactive", "dead"),
    "FATAL": UnitStatus("failed", "failed"),
    "UNKNOWN": UnitStatus("failed", "unknown"),
}
# What asks for a state that is there already is no failure.
_HARMLESS = ("ERROR (already started)", "ERROR (not running)")


def parse_status(output: bytes) -> dict[str, UnitStatus]:
    """Programs and their states of `supervisorctl status`; other lines are skipped."""
    found: dict[str, UnitStatus] = {}
    for line in output.decode("utf-8", "replace").splitlines():
        words = line.split()
        if len(words) >= 2 and words[1] in _STATES:
            found[words[0]] = _STATES[words[1]]
    return found


def failure_of(output: bytes) -> str | None:
    """The first error that a start, stop or restart printed; older versions still exit with 0."""
    for line in output.decode("utf-8", "replace").splitlines():
        if "ERROR" in line and not line.rstrip().endswith(_HARMLESS):
            return line.strip()[:300]
    return None
