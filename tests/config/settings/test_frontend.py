"""`[frontend]`: what is read, and what would open more than a front end."""

from pathlib import Path

import pytest

from config.settings.frontend import FrontEndSettings, InstanceSettings


def front_ends(loaded):
    return loaded.settings.frontends


def test_none(read):
    assert front_ends(read("")) == ()


def test_defaults(read):
    loaded = read("[frontend]\npath: /opt/mainsail\n[frontend fluidd]\nprefix: /fluidd/\n")
    assert loaded.warnings == []
    assert front_ends(loaded) == (
        FrontEndSettings(name="", path=Path("/opt/mainsail")),
        FrontEndSettings(name="fluidd", path=Path.home() / "fluidd", prefix="/fluidd"),
    )


def test_all_options(read):
    loaded = read(
        "[frontend m]\npath: /opt/m\nprefix: a/b\nport: 80\nssl_port: 443\n"
        "redirect_to_https: yes\nframe_ancestors:\n  https://ha.lan:8123\n  http://*.lan\n"
        "locale: de\nmode: light\ntheme: voron\n"
        "instances:\n  two.lan\n  10.0.0.2:7126/printers/two/\n  [fd00::2]:65535\n  three.lan:1\n"
    )
    assert loaded.warnings == []
    (one,) = front_ends(loaded)
    assert (one.prefix, one.port, one.ssl_port, one.redirect_to_https) == ("/a/b", 80, 443, True)
    assert one.frame_ancestors == ("https://ha.lan:8123", "http://*.lan")
    assert (one.locale, one.mode, one.theme) == ("de", "light", "voron")
    assert one.instances == (
        InstanceSettings(host="two.lan"),
        InstanceSettings(host="10.0.0.2", port=7126, path="/printers/two"),
        InstanceSettings(host="[fd00::2]", port=65535),
        InstanceSettings(host="three.lan", port=1),
    )


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ("", "option is required"),
        ("path: mainsail", "is not absolute"),
        ("path: /", "open to everybody"),
        ("path: /m\nport: 0", "out of range"),
        ("path: /m\nport: 80\nssl_port: 80", "same as port"),
        ("path: /m\nprefix: /a b", "is not a path"),
        ("path: /m\nprefix: /server/x", "begins with a name that mrk itself answers"),
        ("path: /m\nprefix: mrk", "begins with a name that mrk itself answers"),
        ("path: /m\nprefix: /../x", "is not a path"),
        ("path: /m\nframe_ancestors: *; script-src *", "is not an origin"),
        ("path: /m\ninstances: http://x", "is not a printer"),
        ("path: /m\ninstances: x:65536", "is not a printer"),
        ("path: /m\ninstances: x:0", "is not a printer"),
        ("path: /m\nmode: grey", "grey"),
        ('path: /m\ntheme: "x"', "is not a name"),
    ],
)
def test_mistakes_cost_one_front_end(read, options, reason):
    loaded = read(f"[frontend]\n{options}\n[frontend good]\npath: /g\n")
    assert [one.name for one in front_ends(loaded)] == ["good"]
    assert reason in " ".join(loaded.warnings)
    assert not loaded.failures


@pytest.mark.parametrize("place", ["backup", ".", "config", "gcodes/www", ".."])
def test_users_files_are_no_front_end(read, tmp_path, place):
    (tmp_path / "gcodes/www").mkdir(parents=True)
    loaded = read(f"[frontend]\npath: {tmp_path / place}\n")
    assert front_ends(loaded) == ()
    assert "open to everybody" in " ".join(loaded.warnings)


def test_a_link_to_users_files_is_none_either(read, tmp_path):
    (tmp_path / "gcodes").mkdir()
    link = tmp_path.parent / f"{tmp_path.name}-link"
    link.symlink_to(tmp_path / "gcodes")
    assert front_ends(read(f"[frontend]\npath: {link}\n")) == ()


@pytest.mark.parametrize("name", ["config", "gcodes", "logs", "database", "certs"])
def test_nor_is_where_the_data_folder_has_a_link_to(read, tmp_path, tmp_path_factory, name):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (tmp_path / name).symlink_to(elsewhere)
    loaded = read(f"[frontend]\npath: {elsewhere}/www\n[frontend good]\npath: {elsewhere}-ui\n")
    assert [one.name for one in front_ends(loaded)] == ["good"]


def test_what_leads_to_itself_costs_nobody_else(read, tmp_path):
    for name in ("gcodes", "ui"):
        (tmp_path / name).symlink_to(tmp_path / name)
    loaded = read(f"[frontend]\npath: {tmp_path}/ui\n[frontend good]\npath: {tmp_path}-ui\n")
    assert "good" in [one.name for one in front_ends(loaded)]


def test_clashes(read):
    same = read("[frontend]\npath: /a\n[frontend b]\npath: /b\n")
    assert [one.name for one in front_ends(same)] == [""]
    assert "'/' is that of [frontend] already" in " ".join(same.warnings)
    apart = read("[frontend]\npath: /a\n[frontend b]\npath: /b\nport: 81\n")
    assert len(front_ends(apart)) == 2
    port = read("[frontend a]\npath: /a\nport: 80\n[frontend b]\npath: /b\nport: 80\n")
    assert [one.name for one in front_ends(port)] == ["a"]
    assert "80 is that of [frontend a] already" in " ".join(port.warnings)
    shared = read("[frontend a]\npath: /a\nport: 80\n[frontend b]\npath: /b\nport: 80\nprefix: b\n")
    assert len(front_ends(shared)) == 2


def test_there_is_a_most(read):
    lines = "".join(f"\n  http://h{n}.lan" for n in range(50))
    assert len(front_ends(read(f"[frontend]\npath: /m\nframe_ancestors:{lines}\n"))) == 1
    more = read(f"[frontend]\npath: /m\nframe_ancestors:{lines}\n  http://h.lan\n")
    assert "has more than 50 lines" in " ".join(more.warnings)
    text = "".join(f"[frontend f{n}]\npath: /f{n}\nprefix: f{n}\n" for n in range(21))
    loaded = read(text)
    assert len(front_ends(loaded)) == 20
    assert "[frontend f20] is not used: 20 front ends are the most." in loaded.warnings
