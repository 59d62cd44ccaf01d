"""Filling a batch: reading and decoding on threads, into memory that is used again."""
