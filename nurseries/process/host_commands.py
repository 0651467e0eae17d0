"""Runs commands of the host as child processes, with bounded output and a sure end.

`HostCommands` holds no state; each run is owned by the task that awaits it. A cancelled run kills
its child, and leaves it behind when it cannot be killed (sudo's belong to root).
"""

import subprocess
from collections.abc import Sequence
from contextlib import aclosing, suppress

import trio

from mrk.machine.host_commands import CommandResult, CommandUnavailable

_OUTPUT_LIMIT_BYTES = 65536
# Long enough to reap a killed child, short enough for the daemon's own shutdown.
_REAP_S = 0.5


class HostCommands:
    """Runs commands without a shell."""

    async def run(self, argv: Sequence[str], given: bytes = b"") -> CommandResult:
        """Run `argv` until it ends; output beyond 64 kB is read and forgotten.

        `given` is its whole input, kept out of arguments and messages. The caller's cancel scope
        is the deadline. Raises `CommandUnavailable`.
        """
        process = await _open(argv, with_input=bool(given))
        assert process.stdout is not None
        assert process.stderr is not None
        output = {"stdout": b"", "stderr": b""}
        try:
            async with trio.open_nursery() as nursery:
                if process.stdin is not None:
                    nursery.start_soon(_feed, process.stdin, given)
                nursery.start_soon(_collect, process.stdout, output, "stdout")
                nursery.start_soon(_collect, process.stderr, output, "stderr")
                status = await process.wait()
                # A child of the child may hold the pipes open; what is there by now suffices.
                nursery.cancel_scope.deadline = trio.current_time() + _REAP_S
            return CommandResult(status, output["stdout"], output["stderr"])
        finally:
            _kill(process)
            with trio.move_on_after(_REAP_S, shield=True):
                await process.wait()


async def _open(argv: Sequence[str], *, with_input: bool) -> trio.Process:
    try:
        return await trio.lowlevel.open_process(
            list(argv),
            stdin=subprocess.PIPE if with_input else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
    except OSError as exc:
        raise CommandUnavailable(f"{argv[0]}: {exc.strerror}") from exc


async def _feed(stream: trio.abc.SendStream, given: bytes) -> None:
    async with stream:
        # A child that does not read its input to the end is no error.
        with suppress(trio.BrokenResourceError):
            await stream.send_all(given)


async def _collect(stream: trio.abc.ReceiveStream, output: dict[str, bytes], name: str) -> None:
    async with aclosing(stream):
        async for chunk in stream:
            output[name] += chunk[: _OUTPUT_LIMIT_BYTES - len(output[name])]


def _kill(process: trio.Process) -> None:
    if process.returncode is None:
        with suppress(PermissionError):
            process.kill()
