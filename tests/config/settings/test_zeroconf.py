import pytest

from config.settings.zeroconf import ZeroconfSettings


def test_none_by_default(read):
    assert read("").settings.zeroconf is None


def test_defaults_and_values(read):
    assert read("[zeroconf]\n").settings.zeroconf == ZeroconfSettings()
    written = "mdns_hostname: my-printer.local\nenable_ssdp: True\nfrontend_port: 0\n"
    loaded = read(f"[zeroconf]\n{written}")
    assert loaded.warnings == []
    assert loaded.settings.zeroconf == ZeroconfSettings(
        mdns_hostname="my-printer", enable_ssdp=True, frontend_port=0
    )


@pytest.mark.parametrize("name", ["my printer", "a.b", "x" * 64, "-", "ü"])
def test_host_names(failed, name):
    assert "is not a host name" in failed("zeroconf", f"[zeroconf]\nmdns_hostname: {name}\n")
