"""Temperatures and console lines of the last minutes."""
