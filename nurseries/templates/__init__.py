"""What templates of the configuration may call."""
