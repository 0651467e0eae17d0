"""Configuration: text in, frozen and typed settings out."""
