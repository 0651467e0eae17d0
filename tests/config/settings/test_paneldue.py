from pathlib import Path

import pytest

from config.settings.paneldue import MACRO_LENGTH, MOST_MACROS, NAME_LENGTH, PanelDueSettings

FULL = """[paneldue]
serial: /dev/ttyAMA0
baud: 115200
machine_name: Voron
macros:
    LOAD_FILAMENT SPEED=5
    CLEAN
confirmed_macros:
    SHUTDOWN_MACHINE
enable_checksum: False
non_trivial_keys:
    Klipper state
    Pulled
"""


def test_values(read):
    assert read("").settings.paneldue is None
    short = read("[paneldue]\nserial: /dev/ttyS0\n")
    assert short.settings.paneldue == PanelDueSettings(serial=Path("/dev/ttyS0"))
    loaded = read(FULL)
    assert (loaded.settings.paneldue, loaded.warnings) == (
        PanelDueSettings(
            serial=Path("/dev/ttyAMA0"),
            baud=115200,
            machine_name="Voron",
            macros=("LOAD_FILAMENT SPEED=5", "CLEAN"),
            confirmed_macros=("SHUTDOWN_MACHINE",),
            enable_checksum=False,
            non_trivial_keys=("Klipper state", "Pulled"),
        ),
        [],
    )


def test_what_is_as_large_as_may_be(read):
    macros = ["x" * MACRO_LENGTH, *(f"M{n}" for n in range(MOST_MACROS - 1))]
    lines = "".join(f"  {macro}\n" for macro in macros)
    text = f"serial: /dev/x\nmachine_name: {'x' * NAME_LENGTH}\nmacros:\n{lines}"
    loaded = read(f"[paneldue]\n{text}")
    assert loaded.settings.paneldue.macros == tuple(macros)
    assert len(loaded.settings.paneldue.machine_name) == NAME_LENGTH


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("", "this option is required"),
        ("serial: /dev/x\nbaud: 1199", "out of range"),
        (f"serial: /dev/x\nmachine_name: {'x' * (NAME_LENGTH + 1)}", "has 65 characters"),
        (f"serial: /dev/x\nmacros: {'x' * (MACRO_LENGTH + 1)}", "a line has 1001 characters"),
        (
            "serial: /dev/x\nmacros:\n" + "".join(f"  M{n}\n" for n in range(MOST_MACROS + 1)),
            "there are 201 lines",
        ),
    ],
)
def test_mistakes(failed, written, said):
    assert said in failed("paneldue", f"[paneldue]\n{written}\n")


def test_of_two_macros_with_one_label_the_last_counts(read):
    loaded = read("[paneldue]\nserial: /dev/x\nmacros:\n  A X=1\n  A X=2\n")
    assert loaded.settings.paneldue.macros == ("A X=2",)
    assert "two lines that begin with" in loaded.warnings[0]
