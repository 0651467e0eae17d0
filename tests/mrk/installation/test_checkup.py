"""What is judged to be wrong, and what a person is told to do."""

import pytest

from mrk.installation import checkup
from mrk.installation.checkup import (
    AccessFacts,
    Finding,
    Level,
    PathFacts,
    PortFacts,
    UnitFacts,
)

MIB = 1024 * 1024


def access(**facts: object) -> list[Finding]:
    known = {"trusted": ["127.0.0.0/8"], "forces_logins": False, "users": 1, "origins": []}
    return checkup.on_access(AccessFacts(**{**known, **facts}))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("findings", "level", "told"),
    [
        (checkup.on_configuration([]), Level.GOOD, "no mistakes"),
        (checkup.on_configuration(["a.conf:2: bad", "warning: b"]), Level.ERROR, "a.conf:2: bad"),
        (checkup.on_configuration(["warning: [x] is unknown"]), Level.WARNING, "[x] is unknown"),
        (checkup.on_configuration(["note: n"]), Level.NOTE, "n"),
        (checkup.on_paths([PathFacts(path="/d")], "pi"), Level.GOOD, "everything is pi's"),
        (
            checkup.on_paths([PathFacts(path="/d", exists=False)], "pi"),
            Level.ERROR,
            "/d is missing",
        ),
        (
            checkup.on_paths([PathFacts(path="/d", is_writable=False, owner="root")], "pi"),
            Level.ERROR,
            "pi cannot write /d, which belongs to root",
        ),
        (
            checkup.on_paths([PathFacts(path=p, is_read_only=True) for p in ("/a", "/b")], "pi"),
            Level.ERROR,
            "mounted read-only: /a, /b",
        ),
        (
            checkup.on_paths([PathFacts(path="/s", is_secret=True, mode=0o644)], "pi"),
            Level.WARNING,
            "others of this host can read /s",
        ),
        (
            checkup.on_service(UnitFacts(name=""), answers=True),
            Level.WARNING,
            "it does not start with the machine",
        ),
        (
            checkup.on_service(UnitFacts(name="mrk", is_enabled=True), answers=False),
            Level.ERROR,
            "mrk does not run",
        ),
        (
            checkup.on_service(
                UnitFacts(name="mrk", is_active=True, is_enabled=True), answers=False
            ),
            Level.ERROR,
            "does not answer on its unix socket",
        ),
        (
            checkup.on_service(UnitFacts(name="mrk", is_active=True), answers=True),
            Level.WARNING,
            "mrk does not start with the machine",
        ),
        (checkup.on_polkit(is_there=False, rule=""), Level.NOTE, "there is no polkit"),
        (checkup.on_polkit(is_there=True, rule=""), Level.WARNING, "no rule"),
        (checkup.on_polkit(is_there=True, rule="", is_hidden=True), Level.NOTE, "only root"),
        (checkup.on_polkit(is_there=True, rule="/r/mrk.rules"), Level.GOOD, "/r/mrk.rules"),
        (checkup.on_database(["history"], "", "/d"), Level.ERROR, "a newer mrk (history)"),
        (checkup.on_database([], "cannot be read: bad", "/d"), Level.ERROR, "bad"),
        (checkup.on_database([], "", "/d"), Level.GOOD, "this mrk"),
        (checkup.on_database([], "", "/d", "/data"), Level.NOTE, "were not taken over"),
        (checkup.on_disk("/d", 200 * MIB - 1, 9999), Level.ERROR, "199 MiB are free"),
        (checkup.on_disk("/d", 200 * MIB, 9999), Level.WARNING, "200 MiB are free"),
        (checkup.on_disk("/d", 1024 * MIB, 1000), Level.GOOD, "1024 MiB"),
        (checkup.on_disk("/d", 1024 * MIB, 999), Level.ERROR, "999 files fit"),
        (checkup.on_disk("/d", 1024 * MIB, None), Level.GOOD, "1024 MiB"),
        (checkup.on_clock(0.0, is_synchronised=True), Level.ERROR, "years behind"),
        (checkup.on_clock(1.8e9, is_synchronised=False), Level.WARNING, "not synchronised"),
        (checkup.on_clock(1.8e9, is_synchronised=None), Level.GOOD, "plausible"),
        (checkup.on_klipper("/k", "No such file", ""), Level.ERROR, "/k: No such file"),
        (checkup.on_klipper("/k", "", "shutdown"), Level.WARNING, "its state is shutdown"),
        (checkup.on_klipper("/k", "", "ready"), Level.GOOD, "ready"),
        (checkup.on_front_ends([]), Level.NOTE, "none was found"),
        (checkup.on_front_ends([("fluidd", "v1.30")]), Level.GOOD, "fluidd v1.30"),
        (checkup.on_front_ends([("fluidd", "")]), Level.WARNING, "fluidd: no version"),
        (access(), Level.NOTE, "from 127.0.0.0/8: no log-in; from elsewhere: a log-in (1 user)"),
        (access(forces_logins=True), Level.NOTE, "a log-in all the same"),
        (access(trusted=["0.0.0.0/0"]), Level.WARNING, "may do everything"),
        (access(origins=["*"]), Level.WARNING, "every web page"),
        (access(trusted=[], users=0), Level.ERROR, "nobody can come in"),
        (checkup.on_ports([PortFacts(port=7125, is_mrk=True)]), Level.GOOD, "mrk answers on 7125"),
        (
            checkup.on_ports([PortFacts(port=7125, is_mrk=False, program="nginx")]),
            Level.ERROR,
            "port 7125 is nginx's",
        ),
        (checkup.on_ports([PortFacts(port=1, is_mrk=False)]), Level.WARNING, "nobody listens on 1"),
        (checkup.on_components([], []), Level.GOOD, "run"),
        (checkup.on_components(["mqtt"], ["w"]), Level.ERROR, "mqtt does not run"),
    ],
)
def test_judged(findings, level, told):
    assert checkup.worst(findings) is level
    assert told in checkup.page(findings)
    if level >= Level.WARNING and findings[0].subject not in ("configuration", "components"):
        worst = max(findings, key=lambda one: one.level)
        assert worst.remedy or "nobody listens" in worst.text


def test_a_page_ends_with_the_worst():
    page = checkup.page(
        [Finding("b", Level.ERROR, "broken", "mend"), Finding("a", Level.GOOD, "fine")]
    )
    assert page.splitlines() == [
        "ok       a              fine",
        "ERROR    b              broken",
        "                        -> mend",
    ]


def test_no_findings():
    assert checkup.worst([]) is Level.GOOD


def test_remedies_can_be_copied_into_a_shell():
    found = checkup.on_paths([PathFacts(path="/my data", exists=False)], "pi")
    found += checkup.on_service(UnitFacts(name=""), answers=False)
    lines = checkup.page(found, "~/mrk-env/bin/mrk -d '/my data'").splitlines()
    assert [line.partition("-> ")[2] for line in lines if "->" in line] == [
        "~/mrk-env/bin/mrk -d '/my data' install-service",
        "mkdir -p '/my data'",
    ]


def test_a_port_of_an_mrk_that_does_not_answer_here():
    (found,) = checkup.on_ports([PortFacts(port=7125, is_mrk=False, program="mrk")])
    assert (found.level, found.text) == (
        Level.ERROR,
        "mrk has port 7125, but not the unix socket of this folder",
    )


def test_a_warning_is_told_once():
    lines = ["warning: [a]: b (x.conf:3)", "warning: x.conf:4: [c] d: bad. It is not used."]
    found = checkup.on_configuration(lines)
    warnings = ["[a]: b", "x.conf: [c] d: bad. It is not used.", "another\nin two lines"]
    assert checkup.untold(warnings, found) == ["another in two lines"]
