"""Rules for webcams: their records, what may be changed, and how their addresses are resolved."""
