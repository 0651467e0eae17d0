"""The refusal of somebody whose role does not suffice."""

from mrk.definitions.roles import Role
from mrk.errors import AccessDenied


def role_needed(needed: Role, given: Role, what: str = "This") -> AccessDenied:
    """The refusal of somebody who is known, but may not do it (403)."""
    return AccessDenied(f"{what} needs the role {needed.word}; yours is {given.word}", 403)
