"""Files whose name holds a hash of their content, kept open: nobody looks for them again.

Owned by `StaticFiles`. Only the event loop takes and drops; threads that opened one hand it over.
The number is bounded, and all are let go when the page changes: an update has come then.
"""

import os
from collections import OrderedDict, deque
from typing import NamedTuple

from mrk.http.file_answer import FileFacts, PartialContent

MOST_KEPT = 64
# (path, Accept-Encoding) as they were asked for; longer ones are not kept.
Key = tuple[str, str]
MOST_KEY_CHARS = 300


class HashedFile(NamedTuple):
    """An open file; `coding` is that of its content, `parts` the plain file's path.

    `whole` is the answer to who asks for all of it, without conditions.
    """

    descriptor: int
    facts: FileFacts
    parts: tuple[str, ...]
    coding: str
    whole: PartialContent


class KeptFiles:
    """The most recently used ones."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Key, HashedFile] = OrderedDict()
        # A thread only appends, which is one step; None: what came before is old.
        self._handed_over: deque[tuple[Key, HashedFile] | None] = deque()

    def hand_over(self, key: Key, file: HashedFile) -> None:
        """From any thread: keep a duplicate of an open file."""
        if sum(map(len, key)) <= MOST_KEY_CHARS and len(self._handed_over) < MOST_KEPT:
            self._handed_over.append((key, file._replace(descriptor=os.dup(file.descriptor))))

    def forget(self) -> None:
        """From any thread: let all go."""
        self._handed_over.append(None)

    def take(self, key: Key) -> HashedFile | None:
        """One with a descriptor of its own, which is the caller's; None: it is not kept."""
        self._receive()
        found = self._kept.get(key)
        if found is None:
            return None
        self._kept.move_to_end(key)
        return found._replace(descriptor=os.dup(found.descriptor))

    def close(self) -> None:
        """Let all go now."""
        self._receive()
        self._drop_all()

    def _drop_all(self) -> None:
        while self._kept:
            os.close(self._kept.popitem()[1].descriptor)

    def _receive(self) -> None:
        while self._handed_over:
            came = self._handed_over.popleft()
            if came is None:
                self._drop_all()
                continue
            key, file = came
            before = self._kept.pop(key, None)
            self._kept[key] = file
            if before is not None:
                os.close(before.descriptor)
            if len(self._kept) > MOST_KEPT:
                os.close(self._kept.popitem(last=False)[1].descriptor)
