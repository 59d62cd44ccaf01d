"""What speaks for a dataset of a third-party file being images, labels or neither: pure functions."""
