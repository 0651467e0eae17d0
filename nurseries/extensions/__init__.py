"""Extensions: agents, the calls relayed to them, their events and remote methods."""

from nurseries.extensions.extensions import Extensions

__all__ = ["Extensions"]
