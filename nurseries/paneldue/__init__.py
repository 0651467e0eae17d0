"""PanelDue displays on serial ports."""
