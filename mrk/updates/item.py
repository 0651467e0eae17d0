"""What one thing that is kept up to date is to the update manager: types only."""

from collections.abc import Callable
from typing import Any, Protocol

from mrk.updates.statuses import ItemStatus

# One line about what goes on, for whoever watches the update.
Tell = Callable[[str], None]


class UpdateItem(Protocol):
    """An item. Calls are made one at a time; each may raise `UpdateFailed`."""

    @property
    def name(self) -> str: ...

    @property
    def is_behind(self) -> bool:
        """Whether an update would change something, as far as it is known."""

    def status(self) -> ItemStatus:
        """What is known, without looking."""

    def stored(self) -> dict[str, Any]:
        """What is to be remembered, as JSON values."""

    def restore(self, stored: dict[str, Any]) -> None:
        """Take over what was remembered; what cannot be read is forgotten."""

    async def refresh(self) -> bool:
        """Look at what is installed, and for new versions; false when whoever knows of those did
        not say, and is to be asked again."""

    async def reread(self) -> None:
        """Look at what is installed, asking nobody else: somebody may have changed it."""

    @property
    def prefix(self) -> str:
        """How its messages begin: `Git Repo klipper`."""

    @property
    def services(self) -> tuple[str, ...]:
        """Restarted after an update, a recovery or a rollback."""

    async def update(self, tell: Tell) -> bool:
        """Install the newest version; whether something was done.

        `keep` or `revert` has to follow.
        """

    async def recover(self, tell: Tell, *, hard: bool, update_dependencies: bool) -> None:
        """Mend what is installed; `keep` or `revert` has to follow."""

    async def rollback(self, tell: Tell) -> bool:
        """Go back to the version before the last update; whether something was done.

        `keep` or `revert` has to follow.
        """

    async def keep(self) -> None:
        """What was installed last works: forget what is needed to take it back."""

    async def revert(self, tell: Tell) -> None:
        """What was installed last does not work: put back what was there before."""

    async def resume(self) -> str | None:
        """After a start: put right what an interrupted change left; what was done, if anything."""
