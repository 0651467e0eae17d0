"""Changes of files: what clients ask for, uploads, and the last step of each."""
