"""Decisions about an installation: unit and rule texts, old units, what is wrong and what to do."""
