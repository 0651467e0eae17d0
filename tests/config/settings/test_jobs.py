"""[job_queue], every bound at its edge."""

from config.load import load
from config.paths import Paths
from config.settings.jobs import JobQueueSettings


def read(tmp_path, *lines):
    file = tmp_path / "x.conf"
    file.write_text("\n".join(["[server]", *lines, ""]))
    return load(Paths.resolve(environ={}, data_path=tmp_path, config_file=file))


def test_defaults_and_values(tmp_path):
    assert read(tmp_path).settings.job_queue == JobQueueSettings()
    written = read(
        tmp_path,
        "[job_queue]",
        "load_on_startup: yes",
        "automatic_transition: on",
        "job_transition_delay: 2.5",
        "job_transition_gcode:",
        "    G28",
        "    M117 next",
        "[history]",
    )
    assert written.warnings == []
    assert written.settings.job_queue == JobQueueSettings(
        load_on_startup=True,
        automatic_transition=True,
        job_transition_delay_s=2.5,
        job_transition_gcode="G28\nM117 next",
    )


def test_bounds(tmp_path):
    for value in (0, 86400):
        found = read(tmp_path, "[job_queue]", f"job_transition_delay: {value}")
        assert found.settings.job_queue.job_transition_delay_s == value
    for value, used in ((-0.1, 0), (86400.1, 86400)):
        found = read(tmp_path, "[job_queue]", f"job_transition_delay: {value}")
        assert found.settings.job_queue.job_transition_delay_s == used
        assert f"{used} is used" in found.warnings[0]


def test_a_pause_that_cannot_be_read_lets_nothing_start_by_itself(tmp_path):
    found = read(tmp_path, "[job_queue]", "automatic_transition: yes", "job_transition_delay: 60s")
    assert found.settings.job_queue == JobQueueSettings()
    assert "job_transition_delay" in found.warnings[0]
