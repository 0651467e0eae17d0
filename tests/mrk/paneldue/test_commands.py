import pytest

from mrk.paneldue.commands import (
    AnswerBox,
    BadCommand,
    DeleteFile,
    FileQuery,
    Gcode,
    ListFolder,
    Nothing,
    RunMacro,
    StartPrint,
    StatusQuery,
    read_command,
)


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("M408", StatusQuery(1, None)),
        ("m408 S0 R-1", StatusQuery(0, -1)),
        ("M408 S1 R12", StatusQuery(1, 12)),
        ("M408 Sx R99999999999", StatusQuery(1, None)),
        ("M20 S2 P/gcodes", ListFolder("/gcodes")),
        ('M20 S2 P"0:/my files/x"', ListFolder('"0:/my files/x"')),
        ("M20 S2", ListFolder("")),
        ("M20", Nothing()),
        ("M20 S3 P/gcodes", Nothing()),
        ("M30 0:/gcodes/a b.gcode", DeleteFile("a b.gcode")),
        ("M36", FileQuery(None)),
        ('M36 "/gcodes/a ""b"".gcode"', FileQuery('a "b".gcode')),
        ("M23 0:/a b.gcode", Gcode("M23 /a b.gcode")),
        ("M32 gcodes/x/a.gcode", StartPrint("x/a.gcode")),
        ("M32", BadCommand("M32 needs the name of a file")),
        ('M32 " "', BadCommand("M32 needs the name of a file")),
        ("M32 a\x08b", BadCommand("M32: the name of the file contains a control character")),
        ("M32 a\xa0b.gcode", StartPrint("a\xa0b.gcode")),
        ("M98 P/macros/LOAD", RunMacro("LOAD")),
        ('M98 P"0:/macros/LOAD"', RunMacro("LOAD")),
        ("M98 PLOAD", RunMacro("LOAD")),
        ("M290 Z0.05", Gcode("SET_GCODE_OFFSET Z_ADJUST=0.0500 MOVE=1")),
        ("M290 S-0.02", Gcode("SET_GCODE_OFFSET Z_ADJUST=-0.0200 MOVE=1")),
        ("M290 Znan", BadCommand("M290 needs a number, as in M290 Z0.05")),
        ("M290", BadCommand("M290 needs a number, as in M290 Z0.05")),
        ("M292 P0", AnswerBox(confirmed=True)),
        ("M292 P1", AnswerBox(confirmed=False)),
        ("M0", Gcode("CANCEL_PRINT")),
        ("M24", Gcode("RESUME")),
        ("M25", Gcode("PAUSE")),
        ("M999", Gcode("FIRMWARE_RESTART")),
        ("M120", Gcode("SAVE_GCODE_STATE STATE=PANELDUE")),
        ("M121", Gcode("RESTORE_GCODE_STATE STATE=PANELDUE")),
        ("G28 X", Gcode("G28 X")),
        ("m104 S200 T0", Gcode("m104 S200 T0")),
    ],
)
def test_commands(text, command):
    assert read_command(text) == command
