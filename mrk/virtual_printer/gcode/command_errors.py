"""What can go wrong inside the virtual printer, in the two ways Klipper tells apart.

`CommandError` is answered to whoever asked; everything else is a bug of ours and passes through.
"""

from mrk.errors import MrkError


class CommandError(MrkError):
    """A g-code command or an endpoint refused; the text is Klipper's own wording."""


class RequestDropped(MrkError):
    """A frame that Klipper logs and never answers (`klippy/webhooks.py`, process_received)."""
