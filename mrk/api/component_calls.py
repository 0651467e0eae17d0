"""API methods as components of ours call them, each with a role of its own.

`nurseries/templates/component_calls.py` stands behind it.
"""

from typing import Any, Protocol


class ApiCalls(Protocol):
    """The API, for a component: what its role may not do is refused."""

    async def call(self, method: str, **params: Any) -> Any:
        """The result of a method, named as in JSON-RPC, decoded; raises `ClientError`."""
