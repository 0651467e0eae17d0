"""[machine]: defaults, choices, a hidden password, and options without effect."""

from pathlib import Path

import pytest

from config.settings.machine import MachineSettings


def test_defaults_without_the_section(read):
    assert read("").settings.machine == MachineSettings()


@pytest.mark.parametrize("provider", ["systemd_dbus", "systemd_cli", "supervisord_cli", "none"])
def test_providers(read, provider):
    assert read(f"[machine]\nprovider: {provider}\n").settings.machine.provider == provider


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("provider: systemd", "expected one of systemd_dbus, systemd_cli, supervisord_cli, none"),
        ("shutdown_action: sleep", "expected one of poweroff, halt"),
        ("validate_service: maybe", "maybe"),
    ],
)
def test_bad_values_are_told_and_defaults_count(read, line, told):
    loaded = read(f"[machine]\n{line}\n")
    assert loaded.settings.machine == MachineSettings()
    assert loaded.failures == ()
    (warning,) = loaded.warnings
    assert told in warning
    assert warning.endswith("Until then its default counts.")


def test_the_action_ignores_case(read):
    assert read("[machine]\nshutdown_action: HALT\n").settings.machine.shutdown_action == "halt"


def test_the_password_is_read_and_hidden(read):
    loaded = read("[machine]\nsudo_password: s3cr3t-words\n")
    assert loaded.settings.machine.sudo_password.reveal() == "s3cr3t-words"
    assert "s3cr3t" not in repr(loaded.settings.machine)
    assert "s3cr3t" not in f"{loaded.config} {loaded.orig} {loaded.warnings}"


def test_options_of_the_validation_have_no_effect(read):
    loaded = read("[machine]\nvalidate_service: no\nvalidate_config: no\nforce_validation: yes\n")
    assert loaded.settings.machine == MachineSettings()
    assert loaded.warnings == []


def test_the_path_belongs_to_supervisord(read):
    path = "supervisord_config_path: /etc/s.conf\n"
    loaded = read(f"[machine]\nprovider: supervisord_cli\n{path}")
    assert loaded.settings.machine.supervisord_config_path == Path("/etc/s.conf")
    loaded = read(f"[machine]\n{path}")
    assert loaded.settings.machine.supervisord_config_path is None
    assert "supervisord_config_path" in loaded.warnings[0]
    loaded = read("[machine]\nprovider: supervisord_cli\nsupervisord_config_path:\n")
    assert loaded.settings.machine.supervisord_config_path is None
