"""Histories for front ends: temperatures and the console."""
