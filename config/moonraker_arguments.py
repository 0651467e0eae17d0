"""Moonraker's own command lines, so that its unit and environment files run mrk unchanged.

Pure. Where Python was told which program to run (`-m moonraker`, or a script's path), mrk is that
program; the options behind it are the same. An environment file holds them as MOONRAKER_ARGS.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePath

from config.config_errors import ConfigError
from config.daemon_options import DAEMON_OPTIONS, DaemonOption

VARIABLE = "MOONRAKER_ARGS"


def without_program(words: Sequence[str]) -> list[str]:
    """`words` without what tells Python to run Moonraker."""
    match list(words):
        case ["-m", "moonraker", *rest] | ["-mmoonraker", *rest]:
            return rest
        case [script, *rest] if _is_moonraker(script):
            return rest
        case unchanged:
            return unchanged


def options_of(environ: Mapping[str, str]) -> dict[str, Path | bool]:
    """The options in MOONRAKER_ARGS, by name. Raises ConfigError."""
    text = environ.get(VARIABLE, "")
    if not text.strip():
        return {}
    import shlex  # a daemon without that variable has no use for it

    try:
        return read_options(without_program(shlex.split(text)))
    except ValueError as exc:
        raise ConfigError(f"{exc}, in {text!r}", file=VARIABLE) from None


def read_options(words: Sequence[str]) -> dict[str, Path | bool]:
    """Options by name, in every way in which Moonraker reads them; raises ValueError."""
    found: dict[str, Path | bool] = {}
    remaining = iter(words)
    for word in remaining:
        for option, value in _options_in(word):
            if option.is_flag:
                found[option.name] = True
                continue
            text = value or next(remaining, "")
            if not text:
                raise ValueError(f"option {word} has no value; expected a path")
            found[option.name] = Path(text)
    return found


def _is_moonraker(script: str) -> bool:
    path = PurePath(script)
    return path.name == "moonraker.py" or (path.name == "moonraker" and len(path.parts) > 1)


def _options_in(word: str) -> Iterator[tuple[DaemonOption, str]]:
    """Those that one word gives, with the value that stands in it; `-nv` gives two."""
    if word.startswith("--"):
        name, _, value = word.partition("=")
        for option in DAEMON_OPTIONS:
            if name == option.long and not (value and option.is_flag):
                yield option, value
                return
        raise ValueError(_unknown(word))
    letters = word[1:] if word.startswith("-") else ""
    if not letters:
        raise ValueError(_unknown(word))
    while letters:
        option = _short(letters[0], word)
        if not option.is_flag:
            yield option, letters[1:].removeprefix("=")
            return
        yield option, ""
        letters = letters[1:]


def _short(letter: str, word: str) -> DaemonOption:
    for option in DAEMON_OPTIONS:
        if option.short == f"-{letter}":
            return option
    raise ValueError(_unknown(word))


def _unknown(word: str) -> str:
    return f"{word!r} is not an option; expected one of {', '.join(o.long for o in DAEMON_OPTIONS)}"
