"""packhouse: one command packs a data set, one line opens it."""
