import pytest

from config.secret import HIDDEN

PLAIN = "url: ntfy://room\nevents: complete\n"


def one(read, text):
    loaded = read(f"[notifier a b]\n{text}")
    assert loaded.warnings == []
    return loaded.settings.notifiers[0]


def test_none_by_default(read):
    assert read("").settings.notifiers == ()


def test_defaults(read):
    found = one(read, PLAIN)
    assert (found.name, found.url.reveal(), found.events) == ("a b", "ntfy://room", ("complete",))
    assert (found.title, found.body, found.attach, found.body_format) == (None, None, None, "text")
    assert found.shown_body_format is None
    assert (found.progress, found.max_per_minute) == ((), 10)


def test_events_and_progress_share_their_commas(read):
    found = one(
        read, "url: a://b\nevents: *, progress:50, 25,75 ,shutdown, progress: 10\nbody_format: HTML"
    )
    assert (found.events, found.progress) == (("*", "shutdown"), (10, 25, 50, 75))
    assert (found.body_format, found.shown_body_format) == ("html", "html")


def test_numbers_behind_progress_are_percentages(read):
    (found,) = read(
        "[notifier a]\nurl: a://b\nevents: 50, progress:99, 1, complete, 30, 99\n"
    ).settings.notifiers
    assert (found.events, found.progress) == (("50", "complete", "30", "99"), (1, 99))


def test_templates(read):
    found = one(
        read,
        f"{PLAIN}title: {{event_name}}!\nbody:\n  {{event_args[1].filename}}\nattach: snapshot",
    )
    assert found.title.render(event_name="x") == "x!"
    assert found.body.render(event_args=[{}, {"filename": "a.gcode"}]) == "a.gcode"
    assert (found.shown_title, found.shown_attach) == ("{event_name}!", "snapshot")
    assert found.shown_body.strip() == "{event_args[1].filename}"


def test_a_token_in_the_url_is_shown_nowhere(read, tmp_path):
    (tmp_path / "moonraker.secrets").write_text('{"tg": {"token": "verysecret"}}')
    loaded = read(
        "[notifier x]\nurl: tgram://{secrets.tg.token}/chat-id-1\nevents: *\n"
        "[notifier y]\nurl: json://user:passw0rd@host/hook\nevents: *\n"
        "[notifier z]\nurl: tgram://{secrets.tg.token}/\nevents: *\n"
    )
    x, y, z = loaded.settings.notifiers
    assert x.url.reveal() == "tgram://verysecret/chat-id-1"
    assert (x.shown_url, y.shown_url) == (f"tgram://{HIDDEN}", f"json://{HIDDEN}")
    assert z.shown_url == "tgram://{secrets.tg.token}/"
    assert loaded.config["notifier y"]["url"] == loaded.orig["notifier y"]["url"] == HIDDEN
    assert "passw0rd" not in loaded.hidden.redact(f"sent to {y.url.reveal()}")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("events: *", "[notifier bad] url: this option is required"),
        ("url: a://b", "[notifier bad] events: this option is required"),
        ("url: room\nevents: *", "does not begin with a word and ://"),
        ("url: a://\nevents: *", "does not begin with a word and ://"),
        ("url: a://b\nevents: progress:0", '"0" is not a percentage (expected progress:1 to 99)'),
        ("url: a://b\nevents: progress:1, 100", '"100" is not a percentage'),
        ("url: a://b\nevents: progress:half", '"half" is not a percentage'),
        ("url: a://b\nevents: *\nbody_format: rtf", "expected one of text, html, markdown"),
        ("url: a://b\nevents: *\nbody: {% if %}", "line 1 of the template"),
    ],
)
def test_mistakes_leave_one_out(read, text, told):
    loaded = read(f"[notifier bad]\n{text}\n[notifier good]\n{PLAIN}")
    assert [found.name for found in loaded.settings.notifiers] == ["good"]
    assert loaded.failures == ()
    (warning,) = loaded.warnings
    assert told in warning
    assert warning.endswith("[notifier bad] is not used until that is mended.")


def test_a_word_that_is_no_event_is_told_and_kept(read):
    loaded = read("[notifier x]\nurl: a://b\nevents: complete, completed\n")
    assert loaded.settings.notifiers[0].events == ("complete", "completed")
    (warning,) = loaded.warnings
    assert '"completed" is not an event' in warning
    assert loaded.clean


def test_limits_clamp(read):
    loaded = read(f"[notifier x]\n{PLAIN}max_per_minute: 100\n")
    assert loaded.settings.notifiers[0].max_per_minute == 60
    assert "60 is used" in loaded.warnings[0]
