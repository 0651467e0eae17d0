"""Decisions of mrk: codecs, rules, records and parsers, free of I/O and clocks."""
