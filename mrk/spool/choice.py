"""Which spool a client or a macro means."""

from mrk.api.arguments import as_int
from mrk.errors import ClientError
from mrk.shown_value import shown_value

MOST_ID = 2**63 - 1


def spool_choice(value: object, name: str = "spool_id") -> int | None:
    """A spool's id; None for null and for 0, which some macros send to clear.

    Raises `ClientError` 400.
    """
    if value is None:
        return None
    if isinstance(value, bool):
        raise ClientError(f"Argument '{name}': {shown_value(value)} given, an integer expected")
    spool_id = as_int(name, value)
    if not 0 <= spool_id <= MOST_ID:
        raise ClientError(f"Argument '{name}': {spool_id} given, 1 to {MOST_ID} expected")
    return spool_id or None
