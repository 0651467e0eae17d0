"""What somebody may do: roles of users and keys, each including the one before.

Off until used: who has no role given is an `ADMIN`, as front ends expect.
"""

import enum


class Role(enum.IntEnum):
    """Ordered, so that `caller.role >= needed` decides."""

    VIEW = 1  # looks at everything that is no secret
    OPERATE = 2  # prints, moves, uploads
    ADMIN = 3  # configuration, users, the machine itself

    @property
    def word(self) -> str:
        """As it is written in requests, settings and answers."""
        return self.name.lower()


ROLE_WORDS = tuple(role.word for role in Role)
