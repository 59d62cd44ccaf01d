"""What is remembered of earlier runs: the journal of the tables, and what lies in the user's cache folder."""
