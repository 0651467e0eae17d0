"""A Klippy made of rules: printer objects, g-code, heaters, motion and a print, without any I/O.

Time and file content come in as arguments; messages go out through a list. The subsystem
`nurseries/virtual_printer` gives it sockets and a clock.
"""
