"""Tells the owner who was refused, why, and what to set: in the log, and in server.info.

Built once per generation; whoever refuses somebody calls it. Runs nothing of its own and never
waits. What is said, and how often, decides `mrk/access/refusals.py`.
"""

import logging

import trio

from mrk.access.refusals import Refusals

logger = logging.getLogger(__name__)


class RefusalLog:
    """`warnings` join those of server.info."""

    def __init__(self) -> None:
        self._refusals = Refusals()

    @property
    def warnings(self) -> list[str]:
        """Of trusted clients that turned out to be proxies."""
        return self._refusals.warnings

    def refused(self, address: str, why: str) -> None:
        """Somebody was refused; `why` is the sentence that he was told."""
        line = self._refusals.line(address, why, trio.current_time())
        if line is not None:
            logger.info("%s", line)

    def untrusted_proxy(self, address: str, why: str) -> None:
        """A trusted client was found to pass on what others ask."""
        self._refusals.warn_of_proxy(address, why)
