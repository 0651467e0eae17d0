"""[octoprint_compat]: nothing without the section, defaults, and options."""

from config.settings.octoprint_compat import OctoPrintCompatSettings


def test_without_the_section_there_is_nothing(read):
    assert read("").settings.octoprint_compat is None


def test_defaults(read):
    loaded = read("[octoprint_compat]\n")
    assert loaded.settings.octoprint_compat == OctoPrintCompatSettings()
    assert loaded.warnings == []
    assert loaded.config["octoprint_compat"]["stream_url"] == "/webcam/?action=stream"


def test_options(read):
    text = "enable_ufp: no\nflip_h: yes\nflip_v: 1\nrotate_90: on\nstream_url: /x\n"
    loaded = read(f"[octoprint_compat]\n{text}webcam_enabled: false\n")
    assert loaded.settings.octoprint_compat == OctoPrintCompatSettings(
        enable_ufp=False,
        flip_h=True,
        flip_v=True,
        rotate_90=True,
        stream_url="/x",
        webcam_enabled=False,
    )


def test_a_mistake(read, failed):
    text = "[octoprint_compat]\nenable_ufp: maybe\n"
    assert read(text).settings.octoprint_compat is None
    assert failed("octoprint_compat", text) == (
        'x.conf: [octoprint_compat] enable_ufp: "maybe" is not a boolean (expected yes or no, '
        "true or false). Until that is mended octoprint_compat does not run."
    )
