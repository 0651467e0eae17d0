import pytest

from mrk.machine.machine_protocols import UnitStatus
from mrk.machine.supervisor_output import failure_of, parse_status

STATUS = b"""\
klipper                          RUNNING   pid 17, uptime 0:03:11
moonraker                        STARTING
group:webcamd                    STOPPED   Not started
sonar                            EXITED    Nov 21 12:00 PM
crowsnest                        FATAL     Exited too quickly (process log may have details)
slow                             BACKOFF   Exited too quickly
unix:///tmp/supervisor.sock no such file
"""


def test_states_are_told_in_the_words_of_systemd() -> None:
    assert parse_status(STATUS) == {
        "klipper": UnitStatus("active", "running"),
        "moonraker": UnitStatus("activating", "start"),
        "group:webcamd": UnitStatus("inactive", "dead"),
        "sonar": UnitStatus("inactive", "dead"),
        "crowsnest": UnitStatus("failed", "failed"),
        "slow": UnitStatus("activating", "auto-restart"),
    }


@pytest.mark.parametrize("junk", [b"", b"\xff\xff RUNNING", b"a\nb\nc"])
def test_junk_of_status(junk: bytes) -> None:
    assert len(parse_status(junk)) <= 1


@pytest.mark.parametrize(
    ("output", "failure"),
    [
        (b"klipper: started\n", None),
        (b"klipper: stopped\nklipper: started\n", None),
        (b"klipper: ERROR (already started)\n", None),
        (b"klipper: ERROR (not running)\nklipper: started\n", None),
        (b"klipper: ERROR (no such process)\n", "klipper: ERROR (no such process)"),
        (b"klipper: ERROR (spawn error)", "klipper: ERROR (spawn error)"),
    ],
)
def test_failures(output: bytes, failure: str | None) -> None:
    assert failure_of(output) == failure
