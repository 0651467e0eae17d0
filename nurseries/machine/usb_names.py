"""Looks names of USB devices up in the host's usb.ids, and remembers those that were needed.

Blocks: call it in a thread, one at a time. Reading the list takes some 10 ms, so it is read
again only for a device that was not asked about before.
"""

from collections.abc import Collection

from mrk.machine.usb_ids import DeviceClass, Product, UsbNames, look_up
from nurseries.machine.host_tree import HostTree

# Where Debian, Fedora and the updater of usbutils put it.
_PLACES = ("var/lib/usbutils/usb.ids", "usr/share/misc/usb.ids", "usr/share/hwdata/usb.ids")
# It has 700 kB.
_MOST_BYTES = 8_000_000
# A bus that shows ever new devices must not fill the memory.
_MOST_REMEMBERED = 1000


class UsbNameFinder:
    """Names by id, for devices plugged into this host."""

    def __init__(self, tree: HostTree) -> None:
        self._tree = tree
        self._names = UsbNames()
        self._seen: set[Product | DeviceClass] = set()

    def find(self, products: Collection[Product], classes: Collection[DeviceClass]) -> UsbNames:
        """Names of at least these; without the list there are none."""
        wanted: set[Product | DeviceClass] = {*products, *classes}
        if wanted <= self._seen:
            return self._names
        place = next((place for place in _PLACES if self._tree.exists(place)), None)
        if place is None:
            return UsbNames()
        if len(self._seen) > _MOST_REMEMBERED:
            self._seen, self._names = set(), UsbNames()
        found = look_up(self._tree.lines(place, _MOST_BYTES), products, classes)
        self._names.vendors.update(found.vendors)
        self._names.products.update(found.products)
        self._names.classes.update(found.classes)
        self._seen |= wanted
        return self._names
