"""How the files of tables are compressed."""
