"""Decisions about front ends: which one a path is for, and how its files are answered."""
