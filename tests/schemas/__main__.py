"""`python -m tests.schemas FOLDER`: the standards' own schemas on our documents in it.

Also wants `@open-rpc/meta-schema` of npm there; `nox -s schemas` puts everything in place.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from referencing import Registry
from referencing.jsonschema import DRAFT7

# What the meta-schema takes for the schema of a JSON schema; draft 7 says the same.
_JSON_SCHEMA = "https://meta.json-schema.tools/"
_PRINT = "const m = require('@open-rpc/meta-schema'); console.log(JSON.stringify(m.default || m))"


def openrpc_validator(meta_schema: dict[str, Any]) -> Draft7Validator:
    """Made of what OpenRPC publishes."""
    draft7 = DRAFT7.create_resource(Draft7Validator.META_SCHEMA)
    addresses = (_JSON_SCHEMA, _JSON_SCHEMA.rstrip("/"))
    registry: Registry = Registry().with_resources([(one, draft7) for one in addresses])
    meta_schema = {**meta_schema, "$schema": "http://json-schema.org/draft-07/schema#"}
    return Draft7Validator(meta_schema, registry=registry)


def main(folder: Path) -> int:
    """1 when something is not as the standards want it."""
    openrpc, openapi = (
        json.loads((folder / f"{kind}.json").read_text()) for kind in ("openrpc", "openapi")
    )
    printed = subprocess.run(["node", "-e", _PRINT], cwd=folder, capture_output=True, check=True)
    found = [
        *openrpc_validator(json.loads(printed.stdout)).iter_errors(openrpc),
        *OpenAPIV31SpecValidator(openapi).iter_errors(),
    ]
    for one in found:
        print(f"{one.json_path}: {one.message[:200]}")
    print(f"{len(openrpc['methods'])} methods, {len(openrpc['x-notifications'])} notifications")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
