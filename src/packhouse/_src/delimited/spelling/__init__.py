"""How cells spell their values: one style, or spellings that are compared."""
