"""JPEG: markers, and decoding no more of an image than is wanted."""
