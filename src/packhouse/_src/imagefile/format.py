"""The fixed facts of the format: names of files, attributes, columns; docs/format.md is checked by it."""

from __future__ import annotations

FORMAT_VERSION = 1

IMAGES_FILE = "images.h5"
INDEX_FILE = "image_index.parquet"
MANIFEST_FILE = "pack.json"
MANIFEST_FORMAT = "packhouse"
INDEX_TABLE = "image_index"

DERIVED = "derived"
"""The part of pack.json that names the derived stores, by their size."""

DERIVED_FOLDER = "derived-{}"
"""Where the derived store of a size lies; in it, files are named as in the pack itself."""

DERIVING_FOLDER = ".deriving"
"""Where one is made; no table of the pack lies there, since hidden folders are not packed."""

ATTRIBUTE_FORMAT = "format"
ATTRIBUTE_VERSION = "format_version"
ATTRIBUTE_ID = "id"
FORMAT_NAME = "packhouse images"
ID_LENGTH = 32

MOST_LEVELS = 256
"""Folders above an image: more are refused before packing, and not walked into in an HDF5 file."""

MOST_KEY_BYTES = 16_384
"""Of a path in UTF-8, for the same; Linux takes 4,096, an archive has no limit."""

INDEX_COLUMNS = {
    "key": "string",
    "group": "string",
    "name": "string",
    "file_name": "string",
    "media_type": "string",
    "offset": "int64",
    "length": "int64",
    "width": "int32",
    "height": "int32",
    "orientation": "int8",
    "digest": "digest",
    "problem": "string",
}
"""Columns of image_index.parquet and their Arrow types; "digest" is fixed_size_binary[16]."""

INDEX_ROW_GROUP_ROWS = 16_384
"""Small enough that looking one key up among millions reads little, large enough to compress."""
