"""`pack.stats()`: what the images of a pack are like, in numbers."""
