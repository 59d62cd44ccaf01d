"""Decides what need not be made again, in an update and in a resumed run."""
