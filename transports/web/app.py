"""The Quart-Trio app: the page, rendered with Jinja.

Runs in a process of its own (`process.py`). Everything that is shown is escaped; style and scripts
carry a number that is used once, which the Content-Security-Policy names.
"""

import gzip
import os
from pathlib import Path

import trio
from quart import Response, render_template, request
from quart_trio import QuartTrio

from mrk.web.content_security import content_security_policy
from mrk.web.page_messages import PageView
from mrk.web.texts import TEXTS
from transports.web.page_scripts import FOLDER as STATIC

_FOLDER = Path(__file__).parent / "templates"
_STYLE = "page.css"


async def page() -> Response:
    """The one page; what it shows of the daemon depends on who looks."""
    view: PageView = request.scope["view"]  # type: ignore[typeddict-item]
    nonce = os.urandom(16).hex()
    style = (STATIC / _STYLE).read_text()
    html = await render_template("page.html", view=view, nonce=nonce, t=TEXTS, style=style)
    response = Response(html, content_type="text/html; charset=utf-8")
    origins = () if view.facts is None else view.facts.camera_origins
    response.headers["Content-Security-Policy"] = content_security_policy(nonce, origins)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cache-Control"] = "no-store"
    response.headers["Vary"] = "Accept-Encoding"
    return response


async def compress(response: Response) -> Response:
    """A third of the bytes for those who take them; the page holds no secret to guess at."""
    await trio.lowlevel.checkpoint()
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        response.set_data(gzip.compress(await response.get_data(as_text=False), 6))
        response.headers["Content-Encoding"] = "gzip"
    return response


def build_app() -> QuartTrio:
    """The app; it has the one page."""
    app = QuartTrio("mrk", static_folder=None, template_folder=str(_FOLDER))
    app.jinja_options = {"trim_blocks": True, "lstrip_blocks": True}
    app.after_request(compress)
    app.add_url_rule("/mrk/", "page", page, methods=["GET"])
    return app
