"""Rules for extensions (agents): what one of them may send, and what its answers mean."""
