"""Users, passwords, tokens and keys."""

from nurseries.access.authorization import Authorization

__all__ = ["Authorization"]
