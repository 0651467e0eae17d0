"""How binary g-code begins; apart, because who only asks that needs none of its readers."""

MAGIC = b"GCDE"
