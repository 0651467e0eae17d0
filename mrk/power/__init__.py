"""Switchable devices: what follows from what, and what each type says on the wire. Pure."""
