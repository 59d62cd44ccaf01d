"""Streams compressed by zstd, decompressed by pyarrow; imported when there is one."""

from __future__ import annotations

from typing import IO

import pyarrow as pa


class ZstdReader:
    """Decompresses a stream, of several frames too.

    Args:
        packed: The compressed bytes.
    """

    def __init__(self, packed: IO[bytes]) -> None:
        self._stream = pa.input_stream(packed, compression="zstd")

    def read(self, size: int) -> bytes:
        """Read on; nothing comes at the end only.

        Raises:
            OSError: The stream is damaged, or ends early.
        """
        try:
            return bytes(self._stream.read(size))
        except pa.ArrowException as err:  # some are OSErrors already
            raise OSError(str(err)) from err

    def close(self) -> None:
        """Close the stream."""
        self._stream.close()
