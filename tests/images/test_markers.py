"""The marker walk finds frame, Exif and scan of a JPEG, and says where it had to stop."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from packhouse._src.images.jpeg.markers import BASELINE, PROGRESSIVE, read_header


def jpeg(mode: str = "RGB", **options: object) -> bytes:
    """Return a small JPEG of noise, 40 columns and 24 rows."""
    noise = np.random.default_rng(3).integers(0, 256, (24, 40, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).convert(mode).save(file, "JPEG", **options)
    return file.getvalue()


def test_frame_and_scan_are_read() -> None:
    """Size, process, precision, components and the place of the scan come from the segments."""
    data = jpeg()

    header = read_header(data)

    assert header.problem is None
    assert (header.width, header.height) == (40, 24)
    assert (header.process, header.precision_bits, header.components) == (BASELINE, 8, 3)
    assert header.scan_at == data.index(b"\xff\xda")
    assert header.scan_components == 3
    assert not header.is_buffered


def test_progressive_is_buffered() -> None:
    """A progressive JPEG comes in several scans, so its coefficients are held."""
    header = read_header(jpeg(progressive=True))

    assert header.process == PROGRESSIVE
    assert header.is_buffered


def test_restart_interval_is_noted() -> None:
    """A segment that defines one is there, wherever it stands."""
    assert not read_header(jpeg()).defines_restarts
    assert read_header(jpeg(restart_marker_blocks=4)).defines_restarts


def test_scans_of_single_components_are_buffered() -> None:
    """A sequential JPEG whose first scan lacks components is held as well."""
    data = bytearray(jpeg())
    data[data.index(b"\xff\xda") + 4] = 1

    assert read_header(bytes(data)).is_buffered


@pytest.mark.parametrize("fill", [b"\xff", b"\xff\xff\xff", b"\0\0", b"\xff\0", b"\xff\x01"])
def test_fill_bytes_between_segments_is_stepped_over(fill: bytes) -> None:
    """Fill bytes, padding, stuffed bytes and TEM before a marker change nothing but places."""
    data = jpeg()
    at = data.index(b"\xff\xdb")

    header = read_header(data[:at] + fill + data[at:])

    assert header == read_header(data)._replace(scan_at=header.scan_at, frame_at=header.frame_at)
    assert header.frame_at == (data[:at] + fill + data[at:]).index(b"\xff\xc0")
    assert header.problem is None


@pytest.mark.parametrize(
    ("marker", "wanted"),
    [
        pytest.param(b"\xff\xd8", "unreadable header", id="second SOI"),
        pytest.param(b"\xff\xd9", "unreadable header", id="EOI before the scan"),
        pytest.param(b"\xff\x30", "unreadable header", id="reserved code"),
        pytest.param(b"\xff\xe5\0\1", "unreadable header", id="length below two"),
        pytest.param(b"\xff\xe5\xff\xff", "truncated", id="length past the end"),
    ],
)
def test_what_cannot_stand_before_a_scan_is_a_problem(marker: bytes, wanted: str) -> None:
    """A marker that cannot stand in a header, or an impossible length, ends the walk."""
    data = jpeg(quality=20)
    at = data.index(b"\xff\xdb")

    assert read_header(data[:at] + marker + data[at:]).problem == wanted


def test_scan_without_frame_is_unreadable() -> None:
    """A scan needs a frame before it."""
    data = bytearray(jpeg())
    data[data.index(b"\xff\xc0") + 1] = 0xFE

    assert read_header(bytes(data)).problem == "unreadable header"


def test_height_of_zero_is_unreadable() -> None:
    """A height that a later DNL marker would state is not known, and libjpeg does not read it."""
    data = bytearray(jpeg())
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 7] = b"\0\0"

    header = read_header(bytes(data))

    assert header.problem == "unreadable header"
    assert (header.width, header.height) == (0, 0)


def test_first_exif_segment_is_kept() -> None:
    """Of all APP1 segments the first that begins with "Exif" is handed on, whole."""
    exif = Image.Exif()
    exif[0x0112] = 6
    data = jpeg(exif=exif, xmp=b"<x:xmpmeta/>")

    assert b"http://ns.adobe.com/xap/1.0/" in data
    assert read_header(data).exif == exif.tobytes()
    assert read_header(data[:2] + b"\xff\xe1\0\x09Exif\0\0!" + data[2:]).exif == b"Exif\0\0!"
