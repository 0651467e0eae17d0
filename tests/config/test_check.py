"""check-config: all that is wrong, one line each."""

import os

from config.check import check, has_errors
from config.paths import Paths


def paths_of(folder):
    return Paths.resolve(environ={}, data_path=folder)


def test_nothing_wrong(tmp_path):
    file = tmp_path / "x.conf"
    file.write_text("[server]\n")
    assert check(file, paths_of(tmp_path)) == []
    assert not has_errors([])


def test_errors_first_then_warnings(tmp_path):
    file = tmp_path / "x.conf"
    file.write_text("[server]\nprot: 1\n 2\nport: x\nport: 3\n[include none]\n")
    lines = check(file, paths_of(tmp_path))
    assert lines == [
        "x.conf:5: [server] port: this option stands twice in one section, first in line 4; "
        "keep one",
        'x.conf:6: [include none] no file matches "none"',
        'x.conf:4: [server] port: "x" is not an integer (expected 1 to 65535)',
        "warning: [server]: option 'prot' is not known to mrk and has no effect; "
        "check its spelling. (x.conf:2)",
    ]
    assert has_errors(lines)
    assert not has_errors(lines[-1:])


def test_file_of_the_data_folder(tmp_path):
    (tmp_path / "config").mkdir()
    assert not has_errors(check(None, paths_of(tmp_path)))
    (tmp_path / "config" / "moonraker.conf").write_text("[server]\nport: 0\n")
    lines = check(None, paths_of(tmp_path))
    assert lines == ['moonraker.conf:2: [server] port: "0" is out of range (expected 1 to 65535)']
    (tmp_path / "config" / "mrk.toml").touch()
    assert "holds both" in check(None, paths_of(tmp_path))[0]


def test_missing_file(tmp_path):
    assert check(tmp_path / "no.conf", paths_of(tmp_path)) == ["no.conf: no such file"]


def test_what_is_no_file(tmp_path):
    folder, pipe = tmp_path / "a.conf", tmp_path / "b.conf"
    folder.mkdir()
    os.mkfifo(pipe)
    assert check(folder, paths_of(tmp_path)) == ["a.conf: a folder; expected a file"]
    assert check(pipe, paths_of(tmp_path)) == ["b.conf: not a regular file"]


def test_values_with_line_breaks_stay_on_one_line(tmp_path):
    file = tmp_path / "x.conf"
    file.write_text("[server]\nport: 1\n  2\n  \u2028 3\n")
    assert len(check(file, paths_of(tmp_path))) == 1
