"""Who may do what: decisions as pure functions of request facts and settings."""
