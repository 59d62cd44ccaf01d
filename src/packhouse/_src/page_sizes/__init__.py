"""How large the pages of a Parquet file are in memory, before they are there."""
