"""Programs that only carry a push from Klipper to websockets: what mrk cannot undercut."""
