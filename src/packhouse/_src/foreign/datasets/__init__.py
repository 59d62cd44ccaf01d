"""The datasets of a third-party file, one group at a time: in the process that walks, which may crash."""
