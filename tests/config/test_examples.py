"""The examples in docs/ say what mrk reads: complete, and with the true defaults."""

import re
from pathlib import Path

import pytest
from msgspec.structs import replace

from config.load import load
from config.paths import Paths
from config.settings.families import FAMILIES

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
OWN_CHOICE = {
    "klippy_uds_address",
    "route_prefix",
    "trusted_clients",
    "cors_domains",
    "allowed_hosts",
    "max_login_attempts",
    "sudo_password",
}


def loaded(file):
    return load(Paths.resolve(environ={}, data_path="/data", config_file=file))


def uncommented(name, tmp_path):
    """The example with its commented-out options switched on."""
    text = (EXAMPLES / name).read_text()
    file = tmp_path / name
    file.write_text(re.sub(r"^#(?=[a-z_]+(?::| =) )", "", text, flags=re.MULTILINE))
    return file


@pytest.mark.parametrize("name", ["moonraker.conf", "mrk.toml"])
def test_examples_load_without_a_warning(name):
    assert loaded(EXAMPLES / name).warnings == []


@pytest.mark.parametrize("name", ["moonraker.conf", "mrk.toml"])
def test_examples_hold_every_option_with_its_default(name, tmp_path):
    empty = tmp_path / "empty.conf"
    empty.write_text("[server]\n[authorization]\n[data_store]\n")
    defaults = loaded(empty).config
    example = loaded(uncommented(name, tmp_path))
    for section, options in defaults.items():
        assert set(example.orig.get(section, ())) == set(options)
        for option in set(options) - OWN_CHOICE:
            assert example.config[section][option] == options[option]


def comparable(name):
    """The settings, with what templates do in place of the templates."""
    settings = loaded(EXAMPLES / name).settings
    assert [add_on.component for add_on in settings.add_ons] == [
        "mmu_server",
        "timelapse",
    ]
    settings = replace(settings, add_ons=())
    (sensor,) = settings.sensors
    said = []
    payload = '{"ENERGY": {"Power": 1.5, "Total": 2}}'
    sensor.state_response_template.render(payload=payload, set_result=lambda *it: said.append(it))
    sensor = replace(sensor, state_response_template=None)
    (notifier,) = settings.notifiers
    texts = ("title", "body", "attach")
    said.append([getattr(notifier, text).render(event_name="x") for text in texts])
    notifier = replace(notifier, url=notifier.url.reveal(), **dict.fromkeys(texts))
    (button,) = settings.buttons
    said.append([button.stops_on_press, button.stops_on_release])
    button = replace(button, on_press=None, on_release=None)
    made = {"sensors": (sensor,), "notifiers": (notifier,), "buttons": (button,)}
    cloud = settings.simplyprint
    cloud = replace(cloud, url=cloud.url.reveal())
    return replace(settings, simplyprint=cloud, **made), said


def test_both_examples_mean_the_same():
    assert comparable("moonraker.conf") == comparable("mrk.toml")
    said = [("power", 1.5), ("energy", 2), ["Printer", "x", "snapshot"], [True, False]]
    assert comparable("mrk.toml")[1] == said


def test_the_page_names_every_option():
    page = (EXAMPLES.parent / "configuration.md").read_text()
    for options in loaded(EXAMPLES / "moonraker.conf").config.values():
        for option in options:
            named = re.sub(r"^(parameter|history_field)_.*", r"\1_NAME", option)
            assert f"| `{named}`" in page


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.section)
def test_the_page_says_what_a_mistake_costs(family):
    page = (EXAMPLES.parent / "configuration.md").read_text()
    table = page.partition("## What a mistake costs")[2].partition("\n## ")[0]
    assert re.search(rf"`\[{family.section}( x)?\]`", table)


def test_an_option_of_another_type_is_never_called_unknown(tmp_path):
    """Each option of the example, in every section of its component."""
    example = loaded(uncommented("moonraker.conf", tmp_path)).orig
    file = tmp_path / "moonraker.conf"
    for component in ("power", "update_manager", "wled", "machine"):
        sections = {n: dict(o) for n, o in example.items() if n.split(" ")[0] == component}
        options = {name: value for one in sections.values() for name, value in one.items()}
        for title, own in sections.items():
            lines = {**options, **own}
            body = "".join(f"{n}: " + v.replace("\n", "\n  ") + "\n" for n, v in lines.items())
            others = "" if title == component else f"[{component}]\n" * (component in example)
            file.write_text(f"[server]\n{others}[{title}]\n{body}")
            told = [warning for warning in loaded(file).warnings if "not known to mrk" in warning]
            assert told == [], title
