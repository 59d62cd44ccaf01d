"""Encoded bytes in, header facts or pixels out; nothing here ever sees a path.

`probing` reads headers and decodes nothing, `decoding` gives RGB pixels. The files that end in an
underscore are the only ones that import their libraries.
"""
