"""Paired benchmarks: mrk and others in one run, round by round in turn, so that ratios hold."""
