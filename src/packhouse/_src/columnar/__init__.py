"""Tables that come with types: Parquet, Feather and Arrow files."""
