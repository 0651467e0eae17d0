"""The API core: endpoint declarations, their table, callers and argument reading."""
