"""Users, passwords, tokens and keys."""

from nurseries.access.authorization import Authorization
from nurseries.access.directory import LdapDirectory

__all__ = ["Authorization", "LdapDirectory"]
