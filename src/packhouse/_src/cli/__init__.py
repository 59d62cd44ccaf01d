"""The command line: one command, one file, a thin skin over one library call."""
