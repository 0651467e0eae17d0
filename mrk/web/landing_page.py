"""The landing page: what a person sees who opens the daemon's address in a browser.

Plain HTML from a few facts, without scripts; every text is escaped. The root gathers the
facts, `transports/web` serves the page.
"""

from collections.abc import Iterable

import msgspec

from mrk.access.decision import Decision

# The page needs nothing but its own style, and no other page may frame it.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;"})
_FRONT_ENDS = (
    ("Mainsail", "https://docs.mainsail.xyz"),
    ("Fluidd", "https://docs.fluidd.xyz"),
)
_STYLE = (
    "body{font:1rem/1.5 system-ui,sans-serif;max-width:42rem;margin:2rem auto;padding:0 1rem;"
    "color:#222;background:#fff}dt{font-weight:600}dd{margin:0 0 .5rem}"
    "li{white-space:pre-wrap;overflow-wrap:anywhere}"
    "@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}a{color:#8bf}}"
)


class LandingFacts(msgspec.Struct, frozen=True):
    """What the page tells, in plain text, not HTML. `absences`: what is tried again, and why."""

    version: str
    klippy_state: str
    klippy_message: str = ""
    warnings: tuple[str, ...] = ()
    failed_components: tuple[str, ...] = ()
    absences: tuple[str, ...] = ()
    clients: int = 0


def landing_page(facts: LandingFacts, decision: Decision, address: str) -> str:
    """The page as HTML. Strangers learn what runs here and that they are strangers, no more."""
    parts = [
        "<!DOCTYPE html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>mrk</title><style>{_STYLE}</style></head><body>",
        "<h1>mrk</h1>",
        "<p>The daemon between Klipper and everything you print with. It speaks the Moonraker "
        "API; this page only says how it is doing.</p>",
        _definitions(facts, decision, address),
    ]
    if decision.authorized:
        parts.append(_list("Warnings", facts.warnings))
        parts.append(_list("Components that failed", facts.failed_components))
        parts.append(_list("Tried again until it works", facts.absences))
    links = "".join(f'<li><a href="{url}">{name}</a></li>' for name, url in _FRONT_ENDS)
    parts.append(
        "<h2>Where to go from here</h2><p>To print, open a front end, usually on port 80 of "
        f"this machine. If none is installed, these explain how:</p><ul>{links}</ul>"
    )
    parts.append("</body></html>\n")
    return "\n".join(part for part in parts if part)


def _definitions(facts: LandingFacts, decision: Decision, address: str) -> str:
    rows = [("Version", facts.version)]
    why = f"({address}): {decision.reason.explain(address)}"
    if decision.authorized:
        klippy = f"{facts.klippy_state}: {facts.klippy_message}".removesuffix(": ")
        rows += [("Klipper", klippy), ("Connected clients", str(facts.clients))]
        rows.append(("You", f"authorized {why}"))
    else:
        rows.append(("You", f"not authorized {why}"))
    return "<dl>" + "".join(f"<dt>{k}</dt><dd>{_escaped(v)}</dd>" for k, v in rows) + "</dl>"


def _list(title: str, items: Iterable[str]) -> str:
    entries = "".join(f"<li>{_escaped(item)}</li>" for item in items)
    return f"<h2>{title}</h2><ul>{entries}</ul>" if entries else ""


def _escaped(text: str) -> str:
    # What html.escape does; that module would bring every named character into memory.
    return text.translate(_ESCAPES)
