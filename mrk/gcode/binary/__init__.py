"""Binary g-code: its blocks, its packings, and the text in it. Pure."""
