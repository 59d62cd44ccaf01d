"""What DuckDB does: queries over the tables, and queries that become a table."""
