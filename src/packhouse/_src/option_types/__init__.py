"""How an option is defined once for the command line, Python and the settings file."""
