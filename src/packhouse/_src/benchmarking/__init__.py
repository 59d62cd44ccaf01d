"""How fast a pack feeds training on this machine, and what keeps it from being faster."""
