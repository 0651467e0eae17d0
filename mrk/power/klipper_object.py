"""A printer object that can be switched: its g-code, and what its field `value` says. Pure."""

from collections.abc import Mapping

import msgspec

from mrk.power.states import PowerState


class KlipperObject(msgspec.Struct, frozen=True):
    """`object_name` as in the printer's configuration, such as `output_pin light`."""

    object_name: str
    is_macro: bool
    name: str

    def script(self, on: bool) -> str:
        """What switches it."""
        value = int(on)
        if self.is_macro:
            return f"{self.name} VALUE={value}"
        return f"SET_PIN PIN={self.name} VALUE={value}"

    def state_of(self, fields: object) -> PowerState | None:
        """None where nothing is said of `value`: a macro needs `variable_value`."""
        if not isinstance(fields, Mapping) or "value" not in fields:
            return None
        return PowerState.of(bool(fields["value"]))
