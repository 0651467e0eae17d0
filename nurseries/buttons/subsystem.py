"""What all buttons have in common; each is a service of its own (`button.py`).

`serve` only stands for the component. There are no endpoints.
"""

from collections.abc import Sequence

import trio

from nurseries.buttons.button import Button


class Buttons:
    """Tells what is wrong with them."""

    def __init__(self, buttons: Sequence[Button]) -> None:
        self._buttons = buttons

    @property
    def warnings(self) -> list[str]:
        """For server.info."""
        return [
            one.trouble
            if one.trouble.startswith("Button")
            else f"[button {one.settings.name}]: {one.trouble}"
            for one in self._buttons
            if one.trouble
        ]

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Wait for the end."""
        task_status.started()
        await trio.sleep_forever()
