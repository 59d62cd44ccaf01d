"""Which images are loaded, and with which labels and columns."""
