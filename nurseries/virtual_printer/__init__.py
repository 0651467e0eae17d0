"""The virtual printer, served: `VirtualPrinter` on a unix socket or on given streams.

Run by `mrk demo`, `mrk virtual-printer` and test fixtures; the rules are in `mrk/virtual_printer`.
"""
