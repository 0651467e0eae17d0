"""[spoolman]: the server's address in its spellings, and what is none."""

import pytest

from config.settings.spoolman import SpoolmanSettings


def test_without_the_section_nothing_is_reported(read):
    assert read("").settings.spoolman is None


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("http://192.168.0.1:7912", "http://192.168.0.1:7912"),
        ("192.168.0.1:7912/", "http://192.168.0.1:7912"),
        ("spools.local", "http://spools.local"),
        ("https://x.example/spools//", "https://x.example/spools"),
        ("http://[fe80::1]:7912", "http://[fe80::1]:7912"),
        ("Http://Spools:7912/a", "http://Spools:7912/a"),
        ("HTTPS://x/", "https://x"),
    ],
)
def test_addresses(read, written, meant):
    loaded = read(f"[spoolman]\nserver: {written}\n")
    assert loaded.settings.spoolman == SpoolmanSettings(server_url=meant, sync_rate_s=5.0)
    assert loaded.warnings == []


@pytest.mark.parametrize(
    "bad",
    ["", "ftp://x", "http://", "http://x:99999", "http://x:0", "http://u:p@x", "http://x/api/v1",
     "x/api/", "http://x/#a",
     "http://x/?a=b", "http://a b", "http://[::1"],
)  # fmt: skip
def test_what_is_no_address(failed, bad):
    assert "server: " in failed("spoolman", f"[spoolman]\nserver: {bad}\n")


def test_no_password_is_repeated(failed):
    assert "hushhush" not in failed("spoolman", "[spoolman]\nserver: http://me:hushhush@x\n")


def test_a_missing_address_says_what_to_write(failed):
    said = failed("spoolman", "[spoolman]\nsync_rate: 5\n")
    assert '(write for example "server: http://192.168.1.5:7912")' in said


def test_sync_rate(read, failed):
    loaded = read("[spoolman]\nserver: x\nsync_rate: 30\n")
    assert loaded.settings.spoolman.sync_rate_s == 30.0
    for value in ("0", "3601", "often"):
        assert "expected 1 to 3600" in failed(
            "spoolman", f"[spoolman]\nserver: x\nsync_rate: {value}\n"
        )
