"""Everything packhouse raises on purpose, as one tree; each class is also the builtin that callers expect.

PackhouseError
+-- UsageError                 also ValueError           contradictory or unreadable arguments
+-- MissingDependencyError     also ImportError          a library that is not installed; names it
+-- SourceError                also OSError              the data set cannot be read
|   +-- SourceNotFoundError    also FileNotFoundError    SRC is missing, or contains nothing to pack
|   +-- SourceChangedError                               a file changed while it was read
+-- DestinationError           also OSError              the pack cannot be written
|   +-- DestinationExistsError also FileExistsError      DEST already exists
|   +-- DestinationBusyError                             another process is packing to the same DEST
|   +-- NoSpaceError                                     the disk is too small, or full
+-- ImageError                 also ValueError           the bytes cannot be decoded as an image
+-- StoreError                 also OSError              a pack or its image file cannot be read
|   +-- NotAPackError                                    no pack at this path
|   +-- CorruptStoreError                                bytes and index disagree
|   +-- PackReplacedError                               another pack is in its place: open it again
|   +-- KeyNotFoundError       also KeyError             no such image; lists similar keys
+-- TableError                 also ValueError           a table cannot be read, typed, linked or joined
|   +-- CsvError                                         malformed CSV: file, line, what was found
|   +-- TypingError                                      a value does not fit the requested type
|   +-- ColumnNotFoundError    also KeyError             no such table or column; lists similar ones
|   +-- DuplicateKeyError                                the right side of a join repeats a key
|   +-- QueryError                                       SQL that does not run
+-- LoaderError                                          a loader cannot continue
|   +-- StateMismatchError     also ValueError           a saved state of other data or another seed
+-- WorkerDiedError            also RuntimeError         a process of --engine processes was killed
+-- AccountingError            also RuntimeError         internal error: a bug of packhouse
"""

from __future__ import annotations

from dataclasses import dataclass

FREE_SPACE = "free some space, then run the same command again"
"""Hint for a full disk."""

CHECK_DISK = "check the disk (dmesg) and the permissions, then run the same command again"
"""Hint for an error of the disk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """Where an error occurred; each part is None if unknown."""

    file: str | None = None
    """Path of the file, as the user gave it or below SRC."""

    member: str | None = None
    """Key of the image, name of the table or column inside the file."""

    line: int | None = None
    """Line of a text file, counted from 1."""

    def __str__(self) -> str:
        """Return "file, line 3 [member]", as far as it is known."""
        text = _one_line(self.file or "")
        if self.line is not None:
            text += f", line {self.line}"
        if self.member is not None:
            text += f" [{_one_line(self.member)}]"
        return text.strip()


def _one_line(text: str) -> str:
    """Return a name on one line: a line break in it is no line of ours."""
    return text.replace("\n", "\\n").replace("\r", "\\r")


def _indented(text: str) -> str:
    """Return a text in which no line but the first begins at the margin, where our own lines begin."""
    return text.replace("\r", "\\r").replace("\n", "\n    ")


class PackhouseError(Exception):
    """Base of every error packhouse raises on purpose.

    Args:
        problem: What is wrong, in one line, with the actual numbers and names.
        where: Where it occurred.
        hint: What to do about it.
    """

    exit_code = 1

    def __init__(self, problem: str, *, where: Where | None = None, hint: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.where = where or Where()
        self.hint = hint

    def __str__(self) -> str:
        """Return the problem, the place and the hint, one line each."""
        place = str(self.where)
        parts = [_indented(self.problem)]
        if place:
            parts.append(f"  in {place}")
        if self.hint:
            parts.append(f"  try: {_indented(self.hint)}")
        return "\n".join(parts)

    def __reduce__(self) -> tuple[object, ...]:
        """Return everything for pickle: type, problem, place, hint and notes."""
        return (_rebuild, (type(self), self.problem, self.where, self.hint, self.__dict__.copy()))


def _rebuild(
    kind: type[PackhouseError], problem: str, where: Where, hint: str, state: dict[str, object]
) -> PackhouseError:
    error = kind(problem, where=where, hint=hint)
    error.__dict__.update(state)
    return error


class UsageError(PackhouseError, ValueError):
    """Arguments that contradict each other or cannot be read; seen before any work starts."""

    exit_code = 2


class MissingDependencyError(PackhouseError, ImportError):
    """A library that only this call needs is not installed."""


class SourceError(PackhouseError, OSError):
    """The data set cannot be read."""


class SourceNotFoundError(SourceError, FileNotFoundError):
    """SRC is missing, or contains nothing to pack."""


class SourceChangedError(SourceError):
    """A source file changed while it was read, or is not the file that was scanned."""


class DestinationError(PackhouseError, OSError):
    """The pack cannot be written."""


class DestinationExistsError(DestinationError, FileExistsError):
    """DEST already exists."""


class DestinationBusyError(DestinationError):
    """Another process is packing to the same DEST."""


class NoSpaceError(DestinationError):
    """The disk is too small for the pack, or ran full."""


class ImageError(PackhouseError, ValueError):
    """The bytes cannot be decoded as an image."""


class StoreError(PackhouseError, OSError):
    """A pack or its image file cannot be read."""


class NotAPackError(StoreError):
    """There is no pack at this path."""


class CorruptStoreError(StoreError):
    """Bytes and index disagree: the file was damaged or replaced."""


class PackReplacedError(StoreError):
    """The pack was replaced by another one while it was open: open it again."""


class KeyNotFoundError(StoreError, KeyError):
    """No image has this key."""


class TableError(PackhouseError, ValueError):
    """A table cannot be read, typed, linked or joined."""


class CsvError(TableError):
    """A CSV file is malformed."""


class TypingError(TableError):
    """A value does not fit the requested type."""


class ColumnNotFoundError(TableError, KeyError):
    """There is no such table or column."""


class DuplicateKeyError(TableError):
    """The right side of a join has several rows with the same key."""


class QueryError(TableError):
    """An SQL query fails."""


class LoaderError(PackhouseError):
    """A loader cannot continue."""


class StateMismatchError(LoaderError, ValueError):
    """A saved state belongs to other data, another seed, another order or another version."""


class WorkerDiedError(PackhouseError, RuntimeError):
    """A worker process was killed before it had finished."""


class AccountingError(PackhouseError, RuntimeError):
    """An internal error: counts that must be equal are not, or a library broke its promise."""


def internal_error(problem: str, *, where: Where | None = None) -> AccountingError:
    """Return the error for a bug of packhouse, which the user can only report.

    Args:
        problem: What is wrong, in one line.
        where: Where it occurred.
    """
    return AccountingError(f"internal error: {problem}; please report it", where=where)
