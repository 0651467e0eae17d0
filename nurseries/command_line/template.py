"""`mrk template`: what a template of the configuration gives, without waiting for its moment.

Runs in the foreground without a daemon. Functions that would act on the printer or on sensors only
say what they were asked for.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import trio

from config.config_errors import ConfigError
from config.paths import Paths
from config.secret import HIDDEN
from config.template_errors import SyntaxMistake, TemplateFailed
from config.template_trial import Trial, trial_of_option, trial_of_text

DEADLINE_S = 10.0


def run(paths: Paths, what: str, arguments: Sequence[str], reveal: bool) -> int:
    """Print what `what` gives (an option `section.option`, a file, `-`); 1 if it fails."""
    try:
        context = read_arguments(arguments)
        trial = _trial(paths, what)
        template = trial.templates.compile_async(trial.text)
    except (ConfigError, SyntaxMistake, OSError, ValueError) as exc:
        return _fail(str(exc))
    for warning in trial.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    known = {"data_path": str(paths.data), **_STAND_INS, **context}

    async def render() -> str:
        with trio.fail_after(DEADLINE_S):
            return await template.render(**known)

    try:
        result = trio.run(render)
    except (TemplateFailed, trio.TooSlowError) as exc:
        return _fail(f"the template fails: {exc or f'no result within {DEADLINE_S:.0f} s'}")
    for name in trial.templates.take_missing():
        print(f"warning: the secrets file has no {name}", file=sys.stderr)
    hide = trial.secret and not reveal
    print(f"{HIDDEN} ({len(result)} characters; --reveal shows them)" if hide else result)
    return 0


def read_arguments(arguments: Sequence[str]) -> dict[str, Any]:
    """`name=text` and `name:=json` as a context; raises ValueError."""
    context: dict[str, Any] = {}
    for argument in arguments:
        name, equals, value = argument.partition("=")
        as_json = name.endswith(":")
        name = name.removesuffix(":")
        if not equals or not name.isidentifier():
            raise ValueError(f"{argument!r} is neither NAME=TEXT nor NAME:=JSON")
        try:
            context[name] = json.loads(value) if as_json else value
        except json.JSONDecodeError as exc:
            raise ValueError(f"{name}: {value!r} is not JSON: {exc}") from None
    return context


def _trial(paths: Paths, what: str) -> Trial:
    if what == "-":
        return trial_of_text(paths, sys.stdin.read())
    if Path(what).is_file():
        return trial_of_text(paths, Path(what).read_text(encoding="utf-8"))
    if "." not in what:
        raise ConfigError(f"{what}: no such file, and no SECTION.OPTION")
    return trial_of_option(paths, what)


def _fail(reason: str) -> int:
    print(reason, file=sys.stderr)
    return 1


async def _call_method(method: str, **arguments: Any) -> dict[str, Any]:
    print(f"call_method {method} {json.dumps(arguments, default=str)}")
    return {}


def _set_result(name: str, value: Any) -> str:
    """Empty, as of a running sensor, because templates print what it returns."""
    print(f"set_result {name} {value}")
    return ""


def _send_notification(result: Any = None) -> str:
    print(f"send_notification {json.dumps(result, default=str)}")
    return ""


# What templates of single sections see, as far as it is a function.
_STAND_INS = {
    "call_method": _call_method,
    "set_result": _set_result,
    "send_notification": _send_notification,
}


@click.command("template")
@click.argument("what")
@click.argument("context", nargs=-1)
@click.option("--reveal", is_flag=True, help="Show a result that is a secret.")
@click.pass_obj
def command(paths: Paths, what: str, context: tuple[str, ...], reveal: bool) -> None:
    """Show what a template gives: WHAT is an option (SECTION.OPTION), a file, or - (input).

    CONTEXT is what the template sees: NAME=TEXT or NAME:=JSON. Calls are told, not made.
    """
    sys.exit(run(paths, what, context, reveal))
