"""The texts of mrk's systemd unit, and of the drop-in that makes Moonraker's unit run mrk.

A print must not suffer from its server: the weights and the memory limit let Klipper go first, and
the kernel ends mrk before it. No ProtectSystem= and no NoNewPrivileges=: the update manager runs
apt and sudo as children of this unit.
"""

from collections.abc import Sequence

import msgspec

MARK = "# Written by `mrk install-service`; changes belong in a drop-in: systemctl edit {name}"

_UNIT_OPTIONS = """\
# A printer without its server is worse than a server that tries again and again.
StartLimitIntervalSec=0
"""
_SERVICE_OPTIONS = """\
Type=notify
NotifyAccess=main
WatchdogSec=30
TimeoutStartSec=90
TimeoutStopSec=10
Restart=on-failure
RestartSec=2
# Klipper comes first: shares of 100 are the default of every other service.
CPUWeight=20
IOWeight=20
MemoryHigh=40%
OOMScoreAdjust=500
"""


class ServiceUnit(msgspec.Struct, frozen=True, kw_only=True):
    """What a unit says: `command` are the program and its arguments, `user` is who runs it."""

    name: str
    user: str
    data: str
    command: Sequence[str]


def unit_text(unit: ServiceUnit) -> str:
    """A unit of its own."""
    return f"""\
{MARK.format(name=unit.name)}
[Unit]
Description=mrk, API server for Klipper ({_without_specifiers(unit.data)})
# Not network-online: a missing network must not keep the printer's display waiting.
After=network.target
{_UNIT_OPTIONS}
[Service]
User={unit.user}
ExecStart={command_line(unit.command)}
{_SERVICE_OPTIONS}
[Install]
WantedBy=multi-user.target
"""


def drop_in_text(unit: ServiceUnit) -> str:
    """What makes an existing unit of that name run mrk; without the file it is as it was."""
    return f"""\
# Written by `mrk install-service --take-over --keep-name`; `mrk switch-back` removes it.
[Unit]
{_UNIT_OPTIONS}
[Service]
EnvironmentFile=
Environment=
ExecStartPre=
ExecStart=
ExecStartPost=
User={unit.user}
ExecStart={command_line(unit.command)}
RemainAfterExit=no
{_SERVICE_OPTIONS}"""


def command_line(words: Sequence[str]) -> str:
    """Words as ExecStart= reads them: nothing in them is expanded or split."""
    return " ".join(map(_word, words))


def _word(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("$", "$$")
    escaped = _without_specifiers(escaped)
    plain = word and all(char.isalnum() or char in "/._-+=:,@" for char in word)
    return escaped if plain else f'"{escaped}"'


def _without_specifiers(text: str) -> str:
    return text.replace("%", "%%")
