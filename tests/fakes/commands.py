"""A host that runs no commands: answers from a table, and remembers what was asked."""

from collections.abc import Sequence

import trio

from mrk.machine.host_commands import CommandResult, CommandUnavailable


class FakeCommands:
    """`answers` maps the last two words of a command to its result; None never ends."""

    def __init__(self, answers: dict[str, CommandResult | None] | None = None) -> None:
        self.answers = answers or {}
        self.asked: list[list[str]] = []
        self.given: list[bytes] = []
        self.cancelled = 0

    async def run(self, argv: Sequence[str], given: bytes = b"") -> CommandResult:
        self.asked.append(list(argv))
        self.given.append(given)
        try:
            await trio.lowlevel.checkpoint()
            result = self._answer(argv)
            if result is None:
                await trio.sleep_forever()
        except trio.Cancelled:
            self.cancelled += 1
            raise
        assert result is not None
        return result

    def _answer(self, argv: Sequence[str]) -> CommandResult | None:
        for length in (1, 2):
            key = " ".join(argv[-length:])
            if key in self.answers:
                return self.answers[key]
        raise CommandUnavailable(f"{argv[0]}: No such file or directory")


def said(stdout: bytes) -> CommandResult:
    return CommandResult(0, stdout, b"")
