"""What an earlier run has made and nothing has changed since: it is kept, not made again."""
