"""`mrk call`: one method of a running daemon, its result as JSON."""

import json
import sys
from collections.abc import Sequence
from typing import Any

import click
import trio

from config.paths import Paths
from mrk.errors import ClientError
from nurseries.client.rpc_client import RpcClient
from nurseries.command_line.daemon_connection import Target, with_client


@click.command("call")
@click.argument("method")
@click.argument("arguments", nargs=-1)
@click.option("--url", help="Websocket, such as ws://127.0.0.1:7125/websocket.")
@click.pass_obj
def command(paths: Paths, method: str, arguments: tuple[str, ...], url: str | None) -> None:
    """Call METHOD with key=value arguments on a running daemon; values may be JSON."""
    sys.exit(trio.run(call, Target(paths.unix_socket, url), method, arguments))


async def call(target: Target, method: str, words: Sequence[str]) -> int:
    """Run one method and print its result; returns the exit code."""

    async def ask(client: RpcClient) -> None:
        result = await client.call_with(method, parse_arguments(words))
        print(json.dumps(result, indent=2, ensure_ascii=False))

    return await with_client(target, ask)


def parse_arguments(words: Sequence[str]) -> dict[str, Any]:
    """`key=value` words -> params; a value that is JSON is taken as JSON, else as text.

    Raises `ClientError` for a word without `=`.
    """
    params = {}
    for word in words:
        key, equals, text = word.partition("=")
        if not equals or not key:
            raise ClientError(f"{word!r} is not an argument: write key=value")
        try:
            params[key] = json.loads(text)
        except ValueError:
            params[key] = text
    return params
