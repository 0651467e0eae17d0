"""The text of a printer.cfg -> sections, as far as a plan needs them.

Klipper's dialect: comments begin with # or ;, the block that SAVE_CONFIG keeps at the end (lines
with `#*#`) counts last. `[include ...]` is told to the caller, who reads files.
"""

import configparser

from mrk.errors import MrkError

_SAVED = "#*#"


class BadPrinterCfg(MrkError):
    """The text is no configuration."""


def parse_printer_cfg(text: str) -> dict[str, dict[str, str]]:
    """Options by section, names in small letters; raises `BadPrinterCfg`."""
    lines = [
        line[len(_SAVED) :].removeprefix(" ") if line.startswith(_SAVED) else line
        for line in text.splitlines()
    ]
    parser = configparser.RawConfigParser(
        strict=False,
        allow_no_value=True,
        inline_comment_prefixes=(";", "#"),
        default_section="\n",
        interpolation=None,
    )
    try:
        parser.read_string("\n".join(lines))
    except configparser.Error as exc:
        raise BadPrinterCfg(str(exc).replace("\n", " ").strip()) from exc
    return {
        name: {option: value or "" for option, value in parser.items(name)}
        for name in parser.sections()
    }
