"""The secrets file: JSON, INI, and every way it can be bad."""

import os

import pytest

from config.secrets_file import LIMIT_BYTES, BadSecrets, parse_secrets, read_secrets_file


@pytest.mark.parametrize(
    ("text", "groups"),
    [
        ("", {}),
        (" \n", {}),
        ('{"mqtt": {"password": "p", "port": 3}, "list": [1]}', None),
        ("﻿{}", {}),
        ("[MQTT]\nUser: Anna\npassword = a=b:c ; d %(x)s # e\n", None),
        ("# c\n; d\n[a]\nx: 1\n[b]\n", {"a": {"x": "1"}, "b": {}}),
    ],
)
def test_what_is_read(text, groups):
    if groups is None:
        groups = {
            True: {"mqtt": {"password": "p", "port": 3}, "list": [1]},
            False: {"MQTT": {"user": "Anna", "password": "a=b:c ; d %(x)s # e"}},
        }[text.startswith("{")]
    assert parse_secrets(text.encode()) == groups


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"[1, 2]", "JSON object"),
        (b'"hunter2"', "JSON object"),
        (b'{"a": hunter2}', "is not JSON: Expecting value in line 1"),
        (b'{"a": 1\n"hunter2": 2}', "in line 2"),
        (b"hunter2", "neither JSON nor INI: see line 1"),
        (b"[a]\nhunter2\n", "neither JSON nor INI: see line 2"),
        (b"[a]\nhunter2: x\nhunter2: hunter2", "one name twice in a section: see line 3"),
        (b"[a]\n[a]\n", "two sections of one name: see line 2"),
        (b"\xffhunter2", "not UTF-8 text"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a":' * 100_000, "nested too deeply"),
    ],
)
def test_a_bad_file_is_told_without_its_text(data, reason):
    with pytest.raises(BadSecrets, match=reason) as bad:
        parse_secrets(data)
    assert "hunter2" not in str(bad.value)
    assert bad.value.__suppress_context__ or bad.value.__context__ is None


def test_files_on_disk(tmp_path):
    file = tmp_path / "moonraker.secrets"
    assert read_secrets_file(file) == ({}, False)
    real = tmp_path / "elsewhere"
    real.write_text('{"a": "b"}')
    real.chmod(0o600)
    file.symlink_to(real)
    assert read_secrets_file(file) == ({"a": "b"}, False)
    real.chmod(0o644)
    assert read_secrets_file(file) == ({"a": "b"}, True)


def test_what_is_no_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    (tmp_path / "folder").mkdir()
    (tmp_path / "large").write_bytes(b" " * (LIMIT_BYTES + 1))
    for name, reason in {
        "pipe": "is not a file",
        "dangling": "cannot be read: No such file",
        "folder": "cannot be read: Is a directory|is not a file",
        "large": "is larger than",
    }.items():
        with pytest.raises(BadSecrets, match=reason):
            read_secrets_file(tmp_path / name)
