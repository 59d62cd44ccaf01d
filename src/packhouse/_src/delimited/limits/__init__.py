"""What a conversion may take: memory, and the longest row."""
