"""Everything behind the public modules; nothing in here is a promise."""
