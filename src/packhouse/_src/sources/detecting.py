"""Which source a path is: a folder, an archive or a list, by its first bytes and its name."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tarfile import BLOCKSIZE

from packhouse._src.imagefile.hdf5_signature import has_signature
from packhouse._src.ranges import read_range
from packhouse._src.sources.archives.archive_file import ArchiveFile
from packhouse._src.sources.archives.forward import ForwardStream, is_compressed
from packhouse._src.sources.archives.tar import TarSource
from packhouse._src.sources.archives.tar_stream import TarStreamSource
from packhouse._src.sources.archives.zip_ import ZipSource
from packhouse._src.sources.archives.zip_parts import split_archive_error
from packhouse._src.sources.folder import FolderSource
from packhouse._src.sources.listed_paths import LIST_EXTENSIONS
from packhouse._src.sources.listing import ListSource
from packhouse._src.sources.source import Source, SourceOptions
from packhouse._src.system.open_flags import READ
from packhouse.errors import SourceError, SourceNotFoundError, Where

ACCEPTED = (
    "a folder; an archive (.zip, .tar, .tar.gz, .tgz, .tar.zst, .tar.bz2, .tar.xz); "
    "a list of files (.txt, .csv, .tsv, .parquet); or an HDF5 file of images"
)
DEFAULT_OPTIONS = SourceOptions()
ZIP_MAGIC = (b"PK\3\4", b"PK\5\6")
TAR_MAGIC = b"ustar"
TAR_MAGIC_AT = 257
TAR_STREAM_EXTENSIONS = (".tgz", ".tbz2", ".txz", ".tzst", ".tar.gz", ".tar.zst", ".tar.bz2", ".tar.xz")


def open_source(
    path: Path, *, leave_out: frozenset[Path], options: SourceOptions = DEFAULT_OPTIONS
) -> Source:
    """Tell what a path is, and return it as a source that has not been scanned yet.

    Args:
        path: What the user named.
        leave_out: Absolute folders that are not entered, such as the pack that is being written.
        options: How it is to be read.

    Returns:
        The source.

    Raises:
        SourceNotFoundError: There is nothing, or nothing that is a data set.
        SourceError: It cannot be read.
    """
    if path.is_dir():
        return FolderSource(path, leave_out, follow_links=options.follow_links)
    source = open_archive(path, options)
    if source is None and _has_extension(path, LIST_EXTENSIONS):
        return ListSource(path)
    if source is None:
        is_ours = "internal error: please report it" if is_hdf5(path) else f"SRC can be {ACCEPTED}"
        raise SourceNotFoundError("SRC is not a data set", where=Where(file=str(path)), hint=is_ours)
    return source


def open_archive(path: Path, options: SourceOptions) -> Source | None:
    """Open an archive, by its first bytes rather than by its name.

    Args:
        path: A file.
        options: How it is to be read.

    Returns:
        The archive as a source; None when it is none.

    Raises:
        SourceNotFoundError: It is not there.
        SourceError: It cannot be read, or is a part of a split archive.
    """
    head = _read_head(path, BLOCKSIZE)
    if part := split_archive_error(path):
        raise part
    if head.startswith(ZIP_MAGIC):
        return ZipSource(path, name_encoding=options.name_encoding)
    if head.startswith(TAR_MAGIC, TAR_MAGIC_AT):
        return TarSource(path)
    if is_compressed(head) and (_has_extension(path, TAR_STREAM_EXTENSIONS) or _holds_tar(path)):
        return TarStreamSource(path)
    if _has_extension(path, (".zip",)):
        return ZipSource(path, name_encoding=options.name_encoding)
    if _has_extension(path, TAR_STREAM_EXTENSIONS):
        return TarStreamSource(path)
    return TarSource(path) if _has_extension(path, (".tar",)) else None


def is_hdf5(path: Path) -> bool:
    """Say whether a path is an HDF5 file, by its first bytes.

    Args:
        path: Any path, also of a folder or of nothing.

    Returns:
        Whether it is a file whose first bytes, or those after a user block, are HDF5's.
    """
    try:
        with _opened(path) as (descriptor, facts):
            return stat.S_ISREG(facts.st_mode) and has_signature(descriptor, facts.st_size)
    except SourceError:
        return False


def _holds_tar(path: Path) -> bool:
    stream = ForwardStream(ArchiveFile(path))
    try:
        return stream.read(BLOCKSIZE).startswith(TAR_MAGIC, TAR_MAGIC_AT)
    except SourceError:
        return False
    finally:
        stream.close()


def _has_extension(path: Path, extensions: tuple[str, ...]) -> bool:
    return path.name.lower().endswith(extensions)


def _read_head(path: Path, length: int) -> bytes:
    with _opened(path) as (descriptor, facts):
        return read_range(descriptor, length, 0) if stat.S_ISREG(facts.st_mode) else b""


@contextmanager
def _opened(path: Path) -> Iterator[tuple[int, os.stat_result]]:
    where = Where(file=str(path))
    try:
        descriptor = os.open(path, READ)
        try:
            yield descriptor, os.fstat(descriptor)
        finally:
            os.close(descriptor)
    except FileNotFoundError as err:
        raise SourceNotFoundError(
            "SRC does not exist", where=where, hint=f"check the path; SRC can be {ACCEPTED}"
        ) from err
    except OSError as err:
        raise SourceError(f"SRC cannot be read: {err.strerror}", where=where) from err
