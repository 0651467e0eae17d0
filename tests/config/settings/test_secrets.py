"""The secrets file beside a configuration, and what clients see of secrets."""

import json

import pytest

from config.backup import backup_path, load_or_backup
from config.check import check, has_errors
from config.load import load
from config.paths import Paths


@pytest.fixture
def paths(tmp_path):
    (tmp_path / "config").mkdir()
    return Paths.resolve(environ={}, data_path=tmp_path)


def write(paths, text, secrets=None):
    main = paths.config / "moonraker.conf"
    main.write_text(f"[server]\n{text}")
    if secrets is not None:
        paths.secrets.write_text(secrets)
    return main


def test_templates_see_the_file(paths):
    write(
        paths,
        "klippy_uds_address: /{secrets.type.get}/{secrets['values']}/{secrets.n.list[1]}\n",
        json.dumps({"type": {"get": "anna's"}, "values": "sesame", "n": {"list": [1, 234567]}}),
    )
    configuration = load(paths)
    assert configuration.warnings == []
    assert str(configuration.settings.server.klippy_uds_address) == "/anna's/sesame/234567"
    shown = configuration.config["server"]["klippy_uds_address"]
    assert shown == "/<hidden>/<hidden>/<hidden>"
    hidden = configuration.hidden.redact("anna's sesame 234567 1")
    assert hidden == "<hidden> <hidden> <hidden> 1"
    assert configuration.settings.file_manager.secrets_file is None


def test_names_of_users_and_hosts_stay_readable(paths):
    write(
        paths,
        "klippy_uds_address: /{secrets.a.username}/{secrets.a.Host}/{secrets.a.password}\n",
        json.dumps({"a": {"username": "printer", "Host": "broker.lan", "password": "sesame"}}),
    )
    hidden = load(paths).hidden
    assert hidden.redact("printer broker.lan sesame") == "printer broker.lan <hidden>"


def test_a_name_that_is_not_there(paths):
    write(paths, "klippy_uds_address: /tmp/{secrets.mqtt.user}{secrets.none}\n", '{"mqtt": {}}')
    configuration = load(paths)
    assert str(configuration.settings.server.klippy_uds_address) == "/tmp"
    assert configuration.warnings == [
        "[server]: option 'klippy_uds_address' names secrets.mqtt.user, "
        "which the secrets file does not have",
        "[server]: option 'klippy_uds_address' names secrets.none, "
        "which the secrets file does not have",
    ]


def test_a_group_that_is_not_there_is_an_error(paths):
    main = write(paths, "klippy_uds_address: {secrets.mqtt.user}\n", "{}")
    lines = check(main, paths)
    assert lines[0].startswith("moonraker.conf:2: [server] klippy_uds_address: the template fails")
    assert "mqtt" in lines[0]


def test_an_error_raised_with_a_secret_does_not_show_it(paths):
    text = "klippy_uds_address: {raise_error('the password is ' ~ secrets.password)}\n"
    main = write(paths, text, '{"password": "hunter2"}')
    assert check(main, paths)[0].endswith("the template fails: the password is <hidden>")


ACCESS = (
    "[authorization]\ntrusted_clients:\n  10.0.0.1\n  {secrets.lan.range}\n"
    "cors_domains:\n  *.lan\n  https://front.{secrets.domain}\n"
    "allowed_hosts: {secrets.domain}\ntrusted_proxies: {secrets.proxy}\n"
    "[announcements]\nsubscriptions:\n  mainsail\n  {secrets.feed}\n"
)


@pytest.mark.parametrize("file", [None, "{}", '{"lan": {}}', "{hunter2"])
def test_access_does_without_entries_whose_secrets_are_not_there(paths, file):
    write(paths, ACCESS)
    if file is not None:
        paths.secrets.write_text(file)
    configuration = load(paths)
    settings = configuration.settings.authorization
    assert [str(one) for one in settings.trusted_clients.addresses] == ["10.0.0.1"]
    assert settings.trusted_clients.networks == ()
    (pattern,) = settings.cors_domains
    assert pattern.fullmatch("http://printer.lan")
    assert (settings.allowed_hosts, settings.trusted_proxies) == ((), ())
    assert configuration.settings.announcements.subscriptions == ("mainsail",)
    skipped = [text for text in configuration.warnings if "has a bad entry, skipped: " in text]
    assert len(skipped) == 5
    assert any('"https://front.{secrets.domain}" names' in text for text in skipped)


def test_entries_of_access_may_be_secrets(paths):
    write(
        paths,
        ACCESS,
        json.dumps(
            {
                "lan": {"range": "192.168.7.0/24\n192.168.8.0/24"},
                "domain": "example.com",
                "proxy": "10.9.9.9",
                "feed": "fluidd",
            }
        ),
    )
    configuration = load(paths)
    assert configuration.warnings == []
    settings = configuration.settings.authorization
    assert [str(one) for one in settings.trusted_clients.networks] == [
        "192.168.7.0/24",
        "192.168.8.0/24",
    ]
    assert settings.cors_domains[1].fullmatch("https://front.example.com")
    assert settings.allowed_hosts[0].fullmatch("example.com")
    assert [str(one) for one in settings.trusted_proxies] == ["10.9.9.9/32"]
    assert configuration.settings.announcements.subscriptions == ("mainsail", "fluidd")
    assert "{secrets.domain}" in str(configuration.config["authorization"]["cors_domains"])
    assert "example.com" not in str(configuration.config)


def test_a_bad_file_is_a_warning(paths):
    write(paths, "", "{hunter2")
    (warning,) = load(paths).warnings
    assert warning.startswith(f"The secrets file {paths.secrets} is not JSON")
    assert "hunter2" not in warning


def test_an_old_place_that_is_left_empty(paths):
    write(paths, "klippy_uds_address: {secrets.a}\n[secrets]\nsecrets_path:\n", '{"a": "/tmp/x"}')
    configuration = load(paths)
    assert str(configuration.settings.server.klippy_uds_address) == "/tmp/x"
    (warning,) = configuration.warnings
    assert "is deprecated" in warning


def test_the_old_place(paths, tmp_path):
    old = tmp_path / "old.ini"
    old.write_text("[a]\nsocket: /tmp/old\n")
    write(
        paths,
        f"klippy_uds_address: {{secrets.a.socket}}\n[secrets]\nsecrets_path: {old}\n[template]\n",
    )
    configuration = load(paths)
    assert str(configuration.settings.server.klippy_uds_address) == "/tmp/old"
    assert configuration.settings.file_manager.secrets_file == old
    (warning,) = configuration.warnings
    assert "'secrets_path' is deprecated" in warning
    paths.secrets.write_text('{"a": {"socket": "/tmp/new"}}')
    assert str(load(paths).settings.server.klippy_uds_address) == "/tmp/new"


def test_an_old_place_where_there_is_nothing(paths, tmp_path):
    """It is watched all the same: the file may come."""
    old = tmp_path / "old.ini"
    write(paths, f"[secrets]\nsecrets_path: {old}\n")
    configuration = load(paths)
    assert configuration.settings.file_manager.secrets_file == old
    assert f"names a file that does not exist: {old}" in " ".join(configuration.warnings)


def test_an_old_place_that_is_none(paths):
    write(paths, "[secrets]\nsecrets_path: ~nobody-at-all/x\n")
    configuration = load(paths)
    assert configuration.settings.file_manager.secrets_file is None
    assert f"{paths.secrets} is used" in " ".join(configuration.warnings)


def test_clients_see_no_secret(paths):
    main = write(
        paths,
        "[power lamp]\ntype: http\npassword: hunter2-a\non_url: http://x/?hunter2-b\n"
        "token: {secrets.power.token}\n"
        "[DEFAULT]\nsudo_password: hunter2-c\n[machine]\n[server2]\nmy_password: hunter2-d\n",
    )
    configuration = load(paths)
    everything = json.dumps([configuration.orig, configuration.config, configuration.warnings])
    assert "hunter2" not in everything
    assert configuration.orig["power lamp"]["token"] == "{secrets.power.token}"
    assert configuration.orig["power lamp"]["type"] == "http"
    assert "hunter2" not in "".join(check(main, paths))


def test_the_backup_is_the_users_own_file(paths):
    write(paths, "[power lamp]\ntype: tasmota\naddress: x\npassword: hunter2-a\n")
    load_or_backup(paths)
    backup = backup_path(paths.config / "moonraker.conf")
    assert "hunter2-a" in backup.read_text()


@pytest.mark.parametrize("line", ["password hunter2\n", " password\thunter2"])
def test_a_line_that_is_no_option_is_not_quoted_with_its_password(paths, line):
    main = write(paths, f"[mqtt]\n{line}")
    assert 'password <hidden>" is not an option' in check(main, paths)[0]
    main.write_text("password: hunter2\n")
    assert 'password <hidden>" stands before' in check(main, paths)[0]


def test_a_file_that_everybody_may_open_is_a_note(paths):
    main = write(paths, "", "{}")
    paths.secrets.chmod(0o644)
    configuration = load(paths)
    assert configuration.clean
    assert configuration.warnings == []
    (note,) = configuration.notes
    assert note.endswith("moonraker.secrets: chmod 600 it.")
    lines = check(main, paths)
    assert lines == [f"note: {note}"]
    assert not has_errors(lines)
    paths.secrets.chmod(0o600)
    assert load(paths).notes == ()
