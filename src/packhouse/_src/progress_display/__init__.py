"""Shows progress where a person can see it: bars on terminals and in notebooks, lines elsewhere."""
