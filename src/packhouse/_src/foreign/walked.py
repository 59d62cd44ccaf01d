"""What the walk through a third-party HDF5 file has printed, checked: nothing of it is trusted."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field

from packhouse._src.foreign.found import Absent, Picture, PictureForm, Ranged, Refused, Value
from packhouse._src.imagefile.format import ID_LENGTH, MOST_KEY_BYTES

MOST_PICTURE_BYTES = 1 << 30
_UNIT = re.compile(r"[|<>][uf]([1248])")


@dataclass
class Walked:
    """What the walk found."""

    images: list[Ranged] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    helpers: list[str] = field(default_factory=list)
    """Datasets that say where images lie or what they are called."""

    forms: list[tuple[PictureForm, list[Picture]]] = field(default_factory=list)
    """Images that only `packhouse pack` takes, since they have to be converted."""

    labels: dict[str, dict[str, Value]] = field(default_factory=dict)
    """Column -> key of an image -> value."""

    label_paths: dict[str, str] = field(default_factory=dict)
    """Column -> dataset of its values; "" for attributes of the images."""

    splits: list[tuple[str, str]] = field(default_factory=list)
    """Dataset of images and the split that it belongs to."""

    class_names: list[tuple[str, list[str]]] = field(default_factory=list)
    """Dataset that names classes, and the names."""

    file_id: str = ""
    """The id that packhouse gave the file; "" for a third-party file."""

    id_offset: int = 0

    @property
    def count(self) -> int:
        """Number of images."""
        return len(self.images) + sum(len(pictures) for _, pictures in self.forms)


class Intake:
    """Takes in what was printed, line by line.

    Args:
        size: Of the file in bytes; nothing outside of it is taken for an image.
    """

    def __init__(self, size: int) -> None:
        self.walked = Walked()
        self.failure = ""
        """Why the file cannot be opened; "" when it can."""

        self.absent: Absent | None = None
        """A dataset that the user named and that is not there."""

        self._size = size

    def take_all(self, lines: list[list[object]]) -> bool:
        """Take in some lines.

        Args:
            lines: As printed.

        Returns:
            Whether they are the last ones.

        Raises:
            ValueError: They are none of the walk's.
        """
        walked = self.walked
        for line in lines:
            match line:
                case ["image", str(key), int(offset), int(length), pixels]:
                    walked.images.append(self._checked(Ranged(key, offset, length, _shape(pixels))))
                case ["picture", str(key), int(row), int(offset), int(length), int(n), str(kind)]:
                    self._take_picture(Picture(key, row, offset, length, n, kind))
                case ["refused", str(member), str(reason)]:
                    walked.refused.append(Refused(member, reason))
                case ["helper", str(member)]:
                    walked.helpers.append(member)
                case ["labels", str(column), str(path), list(pairs)]:
                    self._take_labels(column, path, pairs)
                case ["end"]:
                    return True
                case _:
                    self._take_rare(line)
        return bool(self.failure)

    def refuse_repeated(self) -> None:
        """Keep the first of those that have one key: names that are not UTF-8 may come out alike."""
        walked, seen = self.walked, set[str]()
        kept = []
        for image in walked.images:
            if image.key in seen:
                walked.refused.append(Refused(image.key, "another image has this key"))
            else:
                seen.add(image.key)
                kept.append(image)
        walked.images = kept
        for _, pictures in walked.forms:
            for picture in [one for one in pictures if one.key in seen]:
                walked.refused.append(Refused(picture.key, "another image has this key"))
                pictures.remove(picture)
            seen.update(one.key for one in pictures)

    def _take_rare(self, line: list[object]) -> None:
        walked = self.walked
        match line:
            case ["id", str(file_id), int(offset)]:
                if len(file_id) == ID_LENGTH and file_id.isascii() and 0 <= offset <= self._size - ID_LENGTH:
                    walked.file_id, walked.id_offset = file_id, offset
            case ["form", *facts]:
                walked.forms.append((_form(facts), []))
            case ["split", str(path), str(split)]:
                walked.splits.append((path, split))
            case ["classes", str(path), list(names)]:
                walked.class_names.append((path, [str(name) for name in names]))
            case ["absent", str(path), list(known)]:
                self.absent = self.absent or Absent(path, [str(one) for one in known])
            case ["failed", str(problem)]:
                self.failure = problem or "unknown error"
            case _:
                raise ValueError("")

    def _take_picture(self, picture: Picture) -> None:
        if not self.walked.forms or not _is_key(picture.key):
            raise ValueError("")
        form, pictures = self.walked.forms[-1]
        lengths = min(picture.length, picture.n_bytes), max(picture.length, picture.n_bytes)
        sound = picture.row >= 0 and lengths[0] >= 0 and lengths[1] <= MOST_PICTURE_BYTES
        if picture.offset != -1:
            sound &= 0 <= picture.offset <= self._size - picture.length
        if form.form == "pixels":
            unit = _UNIT.fullmatch(form.unit)
            sound &= unit is not None and len(form.shape) == len(form.layout) and min(form.shape) > 0
            sound = sound and math.prod(form.shape) * int(form.unit[2:]) == picture.length
        if not sound:
            raise ValueError("")
        pictures.append(picture)

    def _take_labels(self, column: str, path: str, pairs: list[object]) -> None:
        labels = self.walked.labels.setdefault(column, {})
        self.walked.label_paths.setdefault(column, path)
        for pair in pairs:
            match pair:
                case [str(key), str() | int() | float() | None as value]:
                    labels[key] = value
                case _:
                    raise ValueError("")

    def _checked(self, image: Ranged) -> Ranged:
        """Return it, if it is a part of the file and its key is one."""
        size = self._size
        inside = 0 <= image.length <= size and 0 <= image.offset <= size - image.length
        if image.pixels is not None:
            height, width, channels = image.pixels
            inside &= min(image.pixels) > 0 and height * width * channels == image.length
        if not inside or not _is_key(image.key):
            raise ValueError("")
        return image


def _is_key(key: str) -> bool:
    named = not any(part in {"", ".", ".."} or "\0" in part for part in key.split("/"))
    return named and len(key.encode(errors="replace")) <= 2 * MOST_KEY_BYTES


def _shape(pixels: object) -> tuple[int, int, int] | None:
    match pixels:
        case None:
            return None
        case [int(height), int(width), int(channels)]:
            return height, width, channels
        case _:
            return 0, 0, 0


def _form(facts: list[object]) -> PictureForm:
    match facts:
        case [str(path), str(form), str(unit), list(shape), str(layout), str(reason), bool(many), bool(asks)]:
            sizes = tuple(size for size in shape if isinstance(size, int))
            return PictureForm(path, form, unit, sizes, layout, reason, many, asks)
        case _:
            raise ValueError("")
