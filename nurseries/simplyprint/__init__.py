"""The connection to SimplyPrint's cloud, and what it is told and may do."""
