"""The file manager: listings, changes, downloads, and the roots that clients see."""
