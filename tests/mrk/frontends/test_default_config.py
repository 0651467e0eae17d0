"""config.json where a folder has none: both front ends find their own members."""

import msgspec

from mrk.frontends.default_config import FrontEndConfig, Instance, config_json


def test_defaults() -> None:
    told = msgspec.json.decode(config_json(FrontEndConfig(), ""))
    assert (told["hostname"], told["port"], told["path"]) == (None, None, None)
    assert (told["instancesDB"], told["instances"], told["endpoints"]) == ("moonraker", [], [])
    assert (told["defaultLocale"], told["defaultMode"], told["defaultTheme"]) == (
        "en",
        "dark",
        "mainsail",
    )


def test_options() -> None:
    config = FrontEndConfig(locale="de", instances=(Instance("two.lan", 7125, "/one"),))
    told = msgspec.json.decode(config_json(config, "/printers/one"))
    assert told["path"] == "/printers/one"
    assert told["instancesDB"] == "json"
    assert told["instances"] == [{"hostname": "two.lan", "port": 7125, "path": "/one"}]
    assert told["endpoints"] == ["http://two.lan:7125/one"]
