"""PanelDue displays: what they ask, and what they are shown."""
