"""The only door to simplejpeg, the binding of libjpeg-turbo that decodes ordinary JPEGs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import simplejpeg

from packhouse.errors import ImageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Words of both of libjpeg's warnings of missing data (jerror.h: JWRN_JPEG_EOF, JWRN_HIT_MARKER).
_DATA_MISSING = "premature end"


def decode_rgb(data: bytes, *, size: tuple[int, int], divisor: int = 1) -> NDArray[np.uint8] | None:
    """Decode a JPEG of one or three components at 1, 1/2, 1/4 or 1/8 of its size.

    libjpeg-turbo runs in its strict mode, where data that end too early are an error and not grey
    pixels. That mode also stops at oddities which every viewer forgives, an unknown revision of
    JFIF say; for those there is another decoder.

    Args:
        data: The whole file.
        size: Stored (height, width) in pixels.
        divisor: 1, 2, 4 or 8.

    Returns:
        (ceil(height / divisor), ceil(width / divisor), 3) uint8, RGB, 0..255, C-contiguous, owned,
        as stored; None when libjpeg-turbo objects to something else than missing data.

    Raises:
        ImageError: The compressed data end before the image does.

    Cost: one decode; releases the GIL.
    Source: ITU-T T.81, A.3.3 (inverse DCT); libjpeg-turbo, libjpeg.txt, "scale_num, scale_denom".
    """
    height, width = size
    try:
        # Of the scales 1/8, 2/8, ... 8/8 simplejpeg takes the smallest that reaches both minima.
        # Those between the powers of two are slower, so the exact size names the wanted one.
        pixels: NDArray[np.uint8] = simplejpeg.decode_jpeg(
            data,
            "RGB",
            min_height=-(-height // divisor),
            min_width=-(-width // divisor),
            strict=True,
        )
    except (ValueError, KeyError, RuntimeError) as err:
        if _DATA_MISSING in str(err).lower():
            raise ImageError(f"the JPEG is truncated or damaged: {err}") from err
        return None
    return pixels
