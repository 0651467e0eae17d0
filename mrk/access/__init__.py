"""Who may do what: judgements as pure functions of request facts and settings."""
