"""A host with systemctl, supervisorctl and sudo, as far as the service control asks for them."""

from collections.abc import Sequence

import trio

from mrk.machine.host_commands import CommandResult, CommandUnavailable

VERBS = ("start", "stop", "restart")
AFTER = {"start": "active running", "stop": "inactive dead", "restart": "active running"}
PROGRAM_AFTER = {"start": "RUNNING", "stop": "STOPPED", "restart": "RUNNING"}
OK = CommandResult(0, b"", b"")


class Host:
    """`units` by name: `active running`; `programs` by name: `RUNNING`; `password` opens sudo."""

    def __init__(self, units: dict[str, str], programs: dict[str, str] | None = None) -> None:
        self.units = units
        self.programs = programs
        self.password: str | None = None
        self.refusal: CommandResult | None = None
        self.missing: set[str] = set()
        self.broken = False
        self.failures = 0
        self.failed_twice = trio.Event()
        self.hangs = False
        self.hanging = trio.Event()
        self.acted = trio.Event()
        self.asked: list[list[str]] = []
        self.done: list[str] = []
        self.power: list[str] = []

    async def run(self, argv: Sequence[str], given: bytes = b"") -> CommandResult:
        self.asked.append(list(argv))
        await trio.lowlevel.checkpoint()
        if argv[0] in self.missing:
            raise CommandUnavailable(f"{argv[0]}: No such file or directory")
        if "sudo" not in argv:
            return self._run(list(argv))
        if self.hangs:
            self.hanging.set()
            await trio.sleep_forever()
        if self.password is None or given == f"{self.password}\n".encode():
            return self._run(list(argv[argv.index("--") + 1 :]))
        if given:
            said = b"Sorry, try again.\nsudo: no password was provided\nsudo: 1 incorrect password"
            return CommandResult(1, b"", said + b" attempt\n")
        return CommandResult(1, b"", b"sudo: a password is required\n")

    def _run(self, argv: list[str]) -> CommandResult:
        if argv == ["true"]:
            return OK
        if argv[-1] in ("poweroff", "halt", "reboot"):
            self.power.append(" ".join(argv))
            return OK
        if argv[0] == "supervisorctl" and self.programs is not None:
            return self._supervisorctl(self.programs, argv[-2:])
        if argv[0] == "systemctl":
            if self.broken:
                self.failures += 1
                if self.failures == 2:
                    self.failed_twice.set()
                return CommandResult(1, b"", b"Failed to connect to bus: Connection refused\n")
            return self._systemctl([word for word in argv[1:] if word != "--no-ask-password"])
        raise CommandUnavailable(f"{argv[0]}: No such file or directory")

    def _systemctl(self, words: list[str]) -> CommandResult:
        if words[0] == "list-unit-files":
            lines = [f"{name}.service enabled enabled\n" for name in self.units]
        elif words[0] == "list-units":
            lines = [f"{name}.service loaded {state} x\n" for name, state in self.units.items()]
        elif words[0] == "show":
            names = [word.removesuffix(".service") for word in words if word.endswith(".service")]
            lines = [self._shown(name) for name in names]
        else:
            return self._acted(" ".join(words), words[-1].removesuffix(".service"), words[-2])
        return CommandResult(0, "".join(lines).encode(), b"")

    def _shown(self, name: str) -> str:
        active, sub = self.units[name].split()
        return f"LoadState=loaded\nActiveState={active}\nSubState={sub}\n\n"

    def _acted(self, text: str, name: str, verb: str) -> CommandResult:
        if self.refusal is not None:
            return self.refusal
        self.done.append(text)
        if name in self.units:
            self.units[name] = AFTER[verb]
        self.acted.set()
        return OK

    def _supervisorctl(self, programs: dict[str, str], words: list[str]) -> CommandResult:
        if words[-1] == "status":
            text = "".join(f"{name}   {state}   pid 1\n" for name, state in programs.items())
            return CommandResult(3, text.encode(), b"")
        if self.refusal is not None:
            return self.refusal
        programs[words[1]] = PROGRAM_AFTER[words[0]]
        return OK
