"""The report of `pack`: its facts, and its words."""
