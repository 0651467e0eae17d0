"""What can be wrong with a template: its text, or one rendering of it."""


class TemplateFailed(Exception):
    """A template raised an error, or took too long, or wrote too much; the text says which."""


class SyntaxMistake(ValueError):
    """A text that is no template; `line` counts from its first line, None for the whole."""

    def __init__(self, reason: str, line: int | None) -> None:
        super().__init__(
            f"the template {reason}" if line is None else f"line {line} of the template: {reason}"
        )
        self.line = line
