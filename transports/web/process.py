"""The process that renders pages: `python -m transports.web.process`, started by `renderer.py`.

Reads requests from stdin, answers on stdout, ends when stdin does. It runs Quart-Trio without a
server: the daemon has done HTTP already. A page that fails is a 500, told in the log.
"""

import os
import resource
import sys

import trio

from mrk.web.page_messages import PageAnswer, PageRequest, decode_request, encode
from transports.web.app import build_app
from transports.web.asgi import App, ask

MEMORY_LIMIT_BYTES = 512 * 1024 * 1024


def main() -> None:
    """Answer requests until stdin ends."""
    os.nice(5)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT_BYTES, MEMORY_LIMIT_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Nothing but answers may reach the pipe, whatever a library prints.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    app = build_app()
    for line in sys.stdin.buffer:
        answers.write(encode(_render(app, decode_request(line))))
        answers.flush()


def _render(app: App, request: PageRequest) -> PageAnswer:
    return trio.run(ask, app, request)


if __name__ == "__main__":
    main()
