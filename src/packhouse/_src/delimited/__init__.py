"""CSV bytes to typed columns: dialect, records, types proved over every row."""
