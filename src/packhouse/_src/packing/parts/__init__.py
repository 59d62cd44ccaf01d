"""Tables as folders of files."""
