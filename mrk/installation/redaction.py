"""Takes secrets, addresses and names of people out of texts that are shown to others.

Pure. The same address or name gets the same number everywhere in one bundle, so that a reader
can still follow it. Loopback and what is no single machine's stays.
"""

import re
from collections.abc import Callable, Iterable
from ipaddress import ip_address

from mrk.definitions.url_logins import HIDDEN
from mrk.installation.option_lines import OPTION, OptionLine, option_lines

_IPV4 = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.]*\d)")
_IPV6 = re.compile(r"(?<![\w:])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}(?:%\w+)?(?![\w:])")
_MAC = re.compile(r"(?<![\w:-])[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5}(?![\w:-])")
_MAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_TOKEN = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]*|(?<![0-9A-Za-z])[0-9a-f]{32}(?![0-9A-Za-z])")
_NAMED = re.compile(
    r"(?i)([\w-]*(?:passw|passphrase|token|secret|api[_-]?key|private[_-]?key|authorization)[\w-]*"
    r"[\"']?\s*[:=]\s*)(?:(?:basic|bearer)\s+)?(\"[^\"\n]*\"|'[^'\n]*'|[^\s,;&\"'\]})]+)"
)
_USERINFO = re.compile(r"(?<=://)[^/\s@\"']+@")
_URL_HOST = re.compile(rf"(://(?:{HIDDEN}@)?)([A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*)")
_NAMES_HOST = frozenset({"address", "host", "hostname", "server", "ldap_host", "mqtt_host"})
_HOST = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.?")
# Words that are names of people only by accident.
_NOBODY = frozenset({"root", "mrk", "moonraker", "klipper", "server", "admin"})
_KNOWN_HOSTS = frozenset(
    {"localhost", "all", "none", "github.com", "www.klipper3d.org", "api.github.com"}
)


class Redaction:
    """One bundle's: `redact` takes out what is known, `holds_secret` knows options by name."""

    def __init__(
        self,
        redact: Callable[[str], str],
        holds_secret: Callable[[str, str], bool],
        users: Iterable[str] = (),
        hosts: Iterable[str] = (),
    ) -> None:
        self._redact = redact
        self._holds_secret = holds_secret
        self._numbers: dict[str, str] = {}
        self._people = _words(name for name in users if name.lower() not in _NOBODY)
        self._hosts = _words(name for name in hosts if name.lower() not in _KNOWN_HOSTS)

    def text(self, text: str) -> str:
        """Any text: a log, an answer, a page."""
        text = self._redact(text)
        text = _NAMED.sub(_hide_value, text)
        text = _TOKEN.sub(HIDDEN, text)
        text = _USERINFO.sub(f"{HIDDEN}@", text)
        text = _MAIL.sub(lambda match: self._number("mail", match[0]), text)
        text = _MAC.sub(lambda match: self._number("mac", match[0].lower()), text)
        text = _IPV6.sub(self._address, text)
        text = _IPV4.sub(self._address, text)
        text = _URL_HOST.sub(self._url_host, text)
        if self._hosts is not None:
            text = self._hosts.sub(lambda match: self._number("host", match[0].lower()), text)
        if self._people is not None:
            text = self._people.sub(lambda match: self._number("user", match[0]), text)
        return text

    def configuration(self, text: str) -> str:
        """A file in Klipper's dialect, or TOML: options that hold secrets lose their values."""
        return self.text("\n".join(map(_hidden_line, option_lines(text, self._holds_secret))))

    def secrets_in(self, text: str) -> list[str]:
        """The values of such options, to be taken out of other texts as well."""
        lines = option_lines(text, self._holds_secret)
        return [line.value.strip().strip("\"'") for line in lines if line.is_secret and line.value]

    def hosts_in(self, text: str) -> list[str]:
        """The names of hosts that options give, to be taken out of other texts as well."""
        found = []
        for line in text.split("\n"):
            match = OPTION.fullmatch(line)
            if match and match[1].lower() in _NAMES_HOST:
                name = match[3].strip().strip("\"'")
                if _HOST.fullmatch(name) and not name.replace(".", "").isdigit():
                    found.append(name)
        return found

    def _address(self, match: re.Match[str]) -> str:
        try:
            address = ip_address(match[0].partition("%")[0])
        except ValueError:
            return match[0]
        if address.is_loopback or address.is_unspecified or address.is_multicast:
            return match[0]
        return self._number("address", str(address))

    def _url_host(self, match: re.Match[str]) -> str:
        host = match[2].lower()
        if host in _KNOWN_HOSTS or host.replace(".", "").isdigit():
            return match[0]
        return match[1] + self._number("host", host)

    def _number(self, kind: str, value: str) -> str:
        key = f"{kind} {value}"
        if key not in self._numbers:
            count = sum(1 for name in self._numbers if name.startswith(f"{kind} ")) + 1
            self._numbers[key] = f"<{kind}-{count}>"
        return self._numbers[key]


def _hidden_line(line: OptionLine) -> str:
    return f"{line.before}{HIDDEN if line.value else ''}" if line.is_secret else line.text


def _hide_value(match: re.Match[str]) -> str:
    return (
        match[0]
        if match[2] in ("True", "False", "true", "false", "null", "None")
        else (f"{match[1]}{HIDDEN}")
    )


def _words(names: Iterable[str]) -> re.Pattern[str] | None:
    ordered = sorted({name for name in names if name}, key=len, reverse=True)
    if not ordered:
        return None
    return re.compile(rf"(?<![A-Za-z0-9])(?:{'|'.join(map(re.escape, ordered))})(?![A-Za-z0-9])")
