"""SimplyPrint: what its cloud says, and what it is told."""
