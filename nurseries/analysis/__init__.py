"""Print times by Klipper's own rules: server.analysis.*, and what metadata shows of them."""
