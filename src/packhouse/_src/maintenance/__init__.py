"""What keeps a pack sound and gives its contents back: verifying, extracting."""
