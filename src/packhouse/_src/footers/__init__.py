"""The digest of everything that is kept in a pack, and how it seals the footer of a Parquet file."""
