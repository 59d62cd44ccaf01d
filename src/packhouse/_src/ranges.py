"""Ranges of a file: cut into reads, and read whole, since a call may give less than was asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from packhouse._src.system.at_offset import read_at, read_into_at


def read_into(descriptor: int, view: memoryview, offset: int) -> int:
    """Read a range into memory.

    Args:
        descriptor: Of the file.
        view: Where the bytes go.
        offset: Where they begin, bytes from the start of the file.

    Returns:
        How many bytes there were: fewer than asked for only at the end of the file.

    Raises:
        OSError: The file cannot be read.
    """
    done = read_into_at(descriptor, view, offset) if view else 0
    while 0 < done < len(view) and (more := read_into_at(descriptor, view[done:], offset + done)):
        done += more
    return done


def read_range(descriptor: int, length: int, offset: int) -> bytes:
    """Read a range; otherwise as `read_into`.

    Args:
        descriptor: Of the file.
        length: How many bytes.
        offset: Where they begin.

    Returns:
        The bytes that there were.
    """
    data = read_at(descriptor, length, offset)
    while data and len(data) < length:
        more = read_at(descriptor, length - len(data), offset + len(data))
        if not more:
            break
        data += more
    return data


def cut_runs(
    spans: Iterable[tuple[int, int]], *, gap: int, most_bytes: int, most: int | None = None
) -> Iterator[tuple[int, int, int, int]]:
    """Cut ranges into runs of neighbours, each to be read with one call.

    Args:
        spans: (offset, length) in bytes, by offset.
        gap: So many bytes between two of them are read for nothing rather than with another call.
        most_bytes: Of a run, unless it is a single range.
        most: Ranges in a run.

    Yields:
        (first, stop, start, end): the ranges [first:stop] are at [start:end] in the file.
    """
    first = count = start = end = 0
    for offset, length in spans:
        reach = offset + length
        if count > first and (
            offset - end > gap or max(end, reach) - start > most_bytes or count - first == most
        ):
            yield first, count, start, end
            first = count
        if count == first:
            start, end = offset, reach
        elif reach > end:
            end = reach
        count += 1
    if count > first:
        yield first, count, start, end


def cut_lengths(lengths: Iterable[int], *, most_bytes: int, most: int) -> Iterator[range]:
    """Cut a sequence into parts of about equal work.

    Args:
        lengths: Bytes of each item.
        most_bytes: Of a part, unless it is a single item.
        most: Items in a part.

    Yields:
        Which of the items.
    """
    first = count = n_bytes = 0
    for length in lengths:
        if count > first and (n_bytes + length > most_bytes or count - first == most):
            yield range(first, count)
            first, n_bytes = count, 0
        n_bytes += length
        count += 1
    if count > first:
        yield range(first, count)


def outside(ranges: Iterable[tuple[int, int]], file_size: int) -> Iterator[tuple[int, int]]:
    """Yield start and end of what is between the ranges, before the first and behind the last.

    Args:
        ranges: (offset, length) of each in bytes, in any order.
        file_size: Size of the file in bytes.

    Yields:
        Offsets in bytes, in order.
    """
    end = 0
    for offset, length in sorted(one for one in ranges if one[1]):
        if offset > end:
            yield end, offset
        end = max(end, offset + length)
    if file_size > end:
        yield end, file_size
