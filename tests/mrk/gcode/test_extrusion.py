import pytest

from mrk.gcode.extrusion import FileExtrusion


def used(text: bytes) -> float:
    extrusion = FileExtrusion()
    extrusion.feed(text.splitlines(keepends=True))
    return extrusion.used_mm


@pytest.mark.parametrize(
    ("text", "mm"),
    [
        (b"", 0.0),
        (b"G1 X1 E2\nG1 E5.5\n", 5.5),
        (b"G1 E5\nG92 E0\nG1 E5\n", 10.0),
        (b"G1 E5\nG92 X0\nG1 E6\n", 6.0),
        (b"G1 E5\nG92\nG1 E6\n", 11.0),
        (b"M83\nG1 E1\nG1 E1\nG1 E-.5\n", 1.5),
        (b"G91\nG1 E1\nG1 E1\nG90\nG1 E3\n", 3.0),
        (b"M83\nG1 E1\nM82\nG1 E3\n", 3.0),
        (b"G91\nG1 E1\nG1 E1\n", 2.0),
        (b"G1 E5\nM92 E93\nM91\nG83\nG99 E0\nG1 E6\n", 6.0),
        (b"M83\nG1 E1\nM84\nG82\nG1 E1\n", 2.0),
        (b"G1 E5\nG1 E3\n", 3.0),
        (b"  g01 x1 e2 ; E9\nN12 G2 X1 I1 E3*7\r\nG3 E4\n", 4.0),
        (b"G1X1E2\nG1 X1 E3 F100\n", 3.0),
        (b"; G1 E5\nG10 E5\nG1.5 E5\nG28 E5\nG11\nM1 E5\nG1 E\nG1 Enan\n", 0.0),
        (b"G1 E1e9\n", 1.0),
        (b"\xff\x00G1 E5\n", 0.0),
    ],
)
def test_filament_as_klipper_counts_it(text: bytes, mm: float) -> None:
    assert used(text) == pytest.approx(mm)


def test_huge_numbers_and_lines_cost_little() -> None:
    assert used(b"G1 E" + b"9" * 100_000 + b"\n" + b" " * 100_000 + b"G1 E1\n") < 1e13
