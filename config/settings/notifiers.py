"""`[notifier <name>]`: who is told, of what, and in which words.

Read by `read_notifiers`; a section with a mistake is left out with a warning. Events are read here,
because `progress:25,50` shares its comma with the list.
"""

import re
from functools import partial

import msgspec

from config.config_errors import quoted
from config.paths import Paths
from config.reader import ConfigReader
from config.secret import HIDDEN, Secret
from config.section import Required, Section
from config.template import REFERENCE, EventTemplate
from config.values import Bounds

BODY_FORMATS = ("text", "html", "markdown")
EVENTS = (
    "*",
    "started",
    "resumed",
    "paused",
    "complete",
    "error",
    "cancelled",
    "gcode",
    "shutdown",
    "queue_empty",
    "filament_runout",
)
_PER_MINUTE = Bounds(low=1, high=60, clamps=True)
_URL = re.compile(r"[A-Za-z0-9]+://.", re.DOTALL)
_PROGRESS = "progress:"
_PUNCTUATION = re.compile(r"[\s/@:?&=.-]*")


class NotifierSettings(msgspec.Struct, frozen=True, kw_only=True):
    """One notifier. `events` are words as written, `progress` percentages of a print.

    The `shown_*` texts are what clients may see; `url` is rendered, and hidden everywhere.
    """

    name: str
    url: Secret
    shown_url: str
    events: tuple[str, ...]
    progress: tuple[int, ...] = ()
    body_format: str = "text"
    title: EventTemplate | None = None
    body: EventTemplate | None = None
    attach: EventTemplate | None = None
    shown_title: str | None = None
    shown_body: str | None = None
    shown_attach: str | None = None
    shown_body_format: str | None = None
    max_per_minute: int = 10


def read_notifiers(reader: ConfigReader, paths: Paths) -> tuple[NotifierSettings, ...]:
    """Read every `[notifier <name>]`; mistakes become warnings."""
    found: dict[str, NotifierSettings] = {}
    for one in reader.entries("notifier", partial(_notifier, reader)):
        found.pop(one.name, None)
        found[one.name] = one
    return tuple(found.values())


def _notifier(reader: ConfigReader, title: str) -> NotifierSettings:
    section, name = reader.section(title), title.split(maxsplit=1)[1]
    url = section.secret("url", Required("ntfy://my-printer"))
    if not _URL.match(url.reveal()):
        section.problem("url", "it does not begin with a word and ://, such as ntfy://")
    events, progress = _events(section)
    body_format = section.choice("body_format", BODY_FORMATS, "text", ignore_case=True)
    return NotifierSettings(
        name=name,
        url=section.found_secret(url.reveal()),
        shown_url=_shown_url(_written(reader, title, "url", hides=False) or ""),
        events=events,
        progress=progress,
        body_format=body_format,
        max_per_minute=section.integer("max_per_minute", 10, _PER_MINUTE),
        title=section.event_template("title", None),
        body=section.event_template("body", None),
        attach=section.event_template("attach", None),
        shown_title=_written(reader, title, "title"),
        shown_body=_written(reader, title, "body"),
        shown_attach=_written(reader, title, "attach"),
        shown_body_format=body_format if section.written("body_format") else None,
    )


def _written(reader: ConfigReader, title: str, option: str, *, hides: bool = True) -> str | None:
    """The template's own text, without what the secrets file gave it."""
    written = reader.source.options(title).get(option)
    if written is None:
        return None
    return reader.shown(title, written) if hides else written.value.strip()


def _shown_url(text: str) -> str:
    """Its scheme, and the rest where that only names secrets: a token may stand in it."""
    scheme, found, rest = text.partition("://")
    if not found or not scheme.isalnum():
        return HIDDEN
    if _PUNCTUATION.fullmatch(REFERENCE.sub("", rest)):
        return text
    return f"{scheme}://{HIDDEN}"


def _events(section: Section) -> tuple[tuple[str, ...], tuple[int, ...]]:
    words = section.items("events", Required("complete, error"), separator=",")
    events: list[str] = []
    progress: list[int] = []
    in_progress = False
    for word in words:
        if word.startswith(_PROGRESS) or (in_progress and word.isdecimal()):
            in_progress = True
            percent = _percent(section, word.removeprefix(_PROGRESS).strip())
            progress += [] if percent is None else [percent]
            continue
        in_progress = False
        events.append(word)
        if word not in EVENTS:
            section.warn(
                "events",
                f"{quoted(word)} is not an event; only macros can use it "
                f"(expected {', '.join(EVENTS)} or progress:25,50,75)",
                mild=True,
            )
    return tuple(events), tuple(sorted(set(progress)))


def _percent(section: Section, text: str) -> int | None:
    if text.isdecimal() and len(text) < 3 and 1 <= int(text) <= 99:
        return int(text)
    section.problem("events", f"{quoted(text)} is not a percentage (expected progress:1 to 99)")
    return None
