import msgspec
import pytest

from config.settings.simplyprint import SimplyPrintSettings

FULL = """[simplyprint]
webcam_name: bed
power_device: power printer psu
filament_sensor: filament_motion_sensor x
ambient_sensor: temperature_sensor room
url: wss://example.com:8443/p?x=1
simplyprint_role: view
"""


def test_values(read):
    assert read("").settings.simplyprint is None
    assert read("[simplyprint]\n").settings.simplyprint == SimplyPrintSettings()
    loaded = read(FULL)
    found = loaded.settings.simplyprint
    assert found.url.reveal() == "wss://example.com:8443/p?x=1"
    assert msgspec.structs.replace(found, url=None) == SimplyPrintSettings(
        webcam_name="bed",
        power_device="printer psu",
        filament_sensor="filament_motion_sensor x",
        ambient_sensor="temperature_sensor room",
        role="view",
    )
    assert loaded.warnings == []
    assert "example.com" not in str(loaded.config)


def test_the_test_endpoint_is_not_known(read):
    loaded = read("[simplyprint]\nuse_test_endpoint: True\n")
    assert "has no effect: write the address as url" in loaded.warnings[0]
    assert read("[simplyprint]\nuse_test_endpoint: False\n").warnings == []


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("filament_sensor: runout", "is not a filament sensor"),
        ("url: https://example.com", "it is not the address of a websocket"),
        ("url: wss://example.com:0/", "it is not the address of a websocket"),
        ("url: wss://example.com/a b", "it has more than an address"),
        ("url: wss://", "it is not the address of a websocket"),
        ("url: wss://example.com:x", "it is not an address"),
        ("url: wss://a:b@example.com", "it has more than an address"),
        ("url: wss://example.com/#x", "it has more than an address"),
        ("simplyprint_role: root", "simplyprint_role"),
        ("use_test_endpoint: maybe", "use_test_endpoint"),
    ],
)
def test_mistakes(failed, written, said):
    assert said in failed("simplyprint", f"[simplyprint]\n{written}\n")
