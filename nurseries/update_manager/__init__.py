"""Updates of clones, archives, Python packages, the system and mrk itself."""
