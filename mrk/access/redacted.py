"""Records with secrets in them: whoever logs one, or fails while holding one, shows none."""

import msgspec


class Redacted(msgspec.Struct, frozen=True):
    """`repr()` names the type alone."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"
