"""JSON Lines: one object a line becomes one row."""
