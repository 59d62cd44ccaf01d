"""CSV to Parquet and back to the user: dialect, types proved over every row, convert, link, join, read."""
