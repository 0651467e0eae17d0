"""The folders on disk: watched, kept in memory, and told to clients."""
