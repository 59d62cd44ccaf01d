"""Joins: read, checked, run, counted."""
