"""How a file of a front end is answered: type, caching, coding, and what pages may do.

Pure; `transports/frontends/static_files.py` opens what is decided about here.
"""

from collections.abc import Sequence

from mrk.frontends.content_security import content_security_policy
from mrk.frontends.content_types import content_type, may_be_compressed
from mrk.frontends.front_end import FrontEnd
from mrk.frontends.hashed_names import has_content_hash
from mrk.http.file_answer import FileFacts, PartialContent, answer_file
from mrk.http.head import RequestHead
from mrk.http.response import Headers, Response

INDEX = "index.html"
CONFIG = "config.json"
# A year, as long as caches keep anything.
IMMUTABLE = "public, max-age=31536000, immutable"
# May be kept, but is asked about each time: with an ETag that costs an answer without body.
REVALIDATE = "no-cache"
_PLAIN: Headers = (("X-Content-Type-Options", "nosniff"),)


def static_answer(
    head: RequestHead | None,
    facts: FileFacts,
    parts: Sequence[str],
    front_end: FrontEnd,
    *,
    coding: str = "",
    inline_scripts: Sequence[str] = (),
) -> PartialContent:
    """The answer of the file at `parts`; `head` as of `answer_file`.

    `facts` are of its compressed form if there is a `coding`, `inline_scripts` the CSP sources of
    those in a page.
    """
    kind = content_type(parts[-1])
    cache = IMMUTABLE if has_content_hash(parts) else REVALIDATE
    always = [("Cache-Control", cache), *_PLAIN]
    if may_be_compressed(kind):
        always.append(("Vary", "Accept-Encoding"))
    whole = [("Content-Encoding", coding)] if coding else []
    policy = content_security_policy(inline_scripts, front_end.frame_ancestors)
    # On all: a worker has the policy of its own script.
    always.append(("Content-Security-Policy", policy))
    return answer_file(head, facts, kind, always=always, whole=whole)


def config_answer(front_end: FrontEnd) -> PartialContent:
    """`config.json` of a folder that has none."""
    headers = (("Cache-Control", REVALIDATE), *_PLAIN)
    return PartialContent(
        Response(200, front_end.configuration, "application/json", headers=headers)
    )
