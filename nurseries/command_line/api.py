"""`mrk api`: the schema of the API, generated from its declarations."""

import json

import click

from config.paths import Paths
from mrk.api import schema
from mrk.api.reference import markdown
from nurseries.root.notifications import all_notifications
from nurseries.root.real_surroundings import build_api


@click.command("api")
@click.option("--openrpc", "kind", flag_value="openrpc", default=True, help="JSON-RPC methods.")
@click.option("--openapi", "kind", flag_value="openapi", help="HTTP routes.")
@click.option("--markdown", "kind", flag_value="markdown", help="A page for people.")
@click.pass_obj
def command(paths: Paths, kind: str) -> None:
    """Print the schema of the API, generated from its declarations."""
    table, routes = build_api(paths)
    if kind == "markdown":
        click.echo(markdown(table, routes))
        return
    document = schema.document(kind, table, all_notifications(), routes)
    click.echo(json.dumps(document, indent=2))
