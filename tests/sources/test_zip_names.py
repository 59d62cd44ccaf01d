"""Names in zip archives are read as what they are: whatever wrote them, in whatever code page."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import pytest

import packhouse
from packhouse._src.sources.archives.code_pages import guess_code_page
from packhouse._src.sources.archives.zip_ import ZipSource
from packhouse._src.sources.detecting import open_source
from packhouse.errors import SourceError, UsageError
from small_dataset import jpeg

FAT, UNIX = 0, 3
WORDS = {
    "cp437": ["Größe/été 1.jpg", "façade.jpg", "Äpfel und Öl.jpg"],
    "cp866": ["Кошки/рыжий кот.jpg", "Собака 2.jpg", "ёлка.jpg"],
    "cp1251": ["Кошки/рыжий кот.jpg", "собака.jpg", "Дом за рекой.jpg"],
    "cp1252": ["España/niño.jpg", "Größe.jpg", "œuvre.jpg"],
    "cp932": ["画像/猫の写真.jpg", "テスト_01.jpg", "こんにちは.jpg"],
    "gbk": ["训练集/猫.jpg", "图片_001.jpg", "测试.jpg"],
    "cp949": ["사진/고양이.jpg", "강아지와 나무.jpg", "바다.jpg"],
}


def write_zip(
    path: Path, members: list[tuple[bytes, bytes]], *, host: int = UNIX, flags: int = 0, extra: bytes = b""
) -> None:
    """Write an archive of raw names, stored, by the layout of APPNOTE.TXT."""
    data = directory = b""
    for name, content in members:
        sizes = struct.pack("<IIIHH", zlib.crc32(content), len(content), len(content), len(name), len(extra))
        place = len(data)
        data += struct.pack("<IHHHHH", 0x04034B50, 20, flags, 0, 0, 0x21) + sizes + name + extra + content
        directory += struct.pack("<IBBHHHHH", 0x02014B50, 20, host, 20, flags, 0, 0, 0x21) + sizes
        directory += struct.pack("<HHHII", 0, 0, 0, 0, place) + name + extra
    end = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, len(members), len(members), len(directory), len(data), 0)
    path.write_bytes(data + directory + end)


def names_in(path: Path, encoding: str | None = None) -> list[str]:
    """Return the paths that a scan finds."""
    return [file.path for file in ZipSource(path, name_encoding=encoding).scan(lambda _: None).files]


@pytest.mark.parametrize("page", WORDS)
def test_a_code_page_is_found_by_the_words(tmp_path: Path, page: str) -> None:
    """Names of one language come back as they were; so does each file under its raw name from `extract`."""
    members = [(name.encode(page), jpeg(number)) for number, name in enumerate(WORDS[page])]
    write_zip(tmp_path / "set.zip", members, host=FAT)

    report = packhouse.pack(tmp_path / "set.zip", tmp_path / "set.pack")
    packhouse.extract(tmp_path / "set.pack", tmp_path / "out")

    assert names_in(tmp_path / "set.zip") == sorted(WORDS[page])
    assert report.images is not None
    assert report.images.name_encodings == {page: tuple(sorted(WORDS[page]))}
    found = set(bytes_tree(tmp_path / "out"))
    assert found == {name for name, _ in members}
    assert packhouse.verify(tmp_path / "set.pack", against=tmp_path / "set.zip").is_sound


def bytes_tree(folder: Path) -> list[bytes]:
    """Return the raw paths of the files below a folder."""
    start = len(bytes(folder)) + 1
    return [bytes(path)[start:] for path in folder.rglob("*") if path.is_file()]


def test_what_could_be_several_is_left_to_the_standard(tmp_path: Path) -> None:
    """Where words do not tell, names are code page 437, listed, and an option says what they are."""
    name = "高雄.jpg"
    assert guess_code_page([name.encode("big5")]) is None
    write_zip(tmp_path / "set.zip", [(name.encode("big5"), jpeg(1))], host=FAT)

    assert names_in(tmp_path / "set.zip") == [name.encode("big5").decode("cp437")]
    report = packhouse.pack(tmp_path / "set.zip", tmp_path / "set.pack", name_encoding="big5")

    assert report.images is not None
    assert report.images.name_encodings == {"big5": (name,)}
    assert list(packhouse.open(tmp_path / "set.pack").images) == ["高雄"]
    with pytest.raises(UsageError, match="not an encoding"):
        packhouse.pack(tmp_path / "set.zip", tmp_path / "b.pack", name_encoding="nothing")


def test_utf8_needs_no_flag(tmp_path: Path) -> None:
    """Zip on Linux writes UTF-8 and does not say so; with the flag it is the same."""
    for flags in (0, 0x0800):
        write_zip(tmp_path / "set.zip", [("größe/日本.jpg".encode(), b"x")], flags=flags)
        assert names_in(tmp_path / "set.zip") == ["größe/日本.jpg"]


def test_the_unicode_path_counts(tmp_path: Path) -> None:
    """The extra field 0x7075 gives the name, also beside one of question marks; not when it is another's."""
    name = "写真/猫.jpg"
    for raw in (b"??/?.jpg", "写真/猫.jpg".encode("cp932")):
        field = b"\1" + struct.pack("<I", zlib.crc32(raw)) + name.encode()
        write_zip(tmp_path / "set.zip", [(raw, b"x")], extra=struct.pack("<HH", 0x7075, len(field)) + field)
        assert names_in(tmp_path / "set.zip") == [name]
    field = b"\1" + struct.pack("<I", 1) + name.encode()
    write_zip(tmp_path / "set.zip", [(b"a.jpg", b"x")], extra=struct.pack("<HH", 0x7075, len(field)) + field)
    assert names_in(tmp_path / "set.zip") == ["a.jpg"]


@pytest.mark.parametrize("host", [0, 14])
def test_backslashes_of_a_fat_host_are_folders(tmp_path: Path, host: int) -> None:
    """As unzip does: folders where the host has them and the name no slash, and nothing points outside."""
    members = [(b"train\\cats\\1.jpg", jpeg(1)), (b"train\\", b""), (b"a/b\\c.jpg", jpeg(2))]
    write_zip(tmp_path / "set.zip", members, host=host)
    assert names_in(tmp_path / "set.zip") == ["a/b\\c.jpg", "train/cats/1.jpg"]

    write_zip(tmp_path / "set.zip", members, host=UNIX)
    assert "train\\cats\\1.jpg" in names_in(tmp_path / "set.zip")

    write_zip(tmp_path / "bad.zip", [(b"..\\..\\x.jpg", b"x"), (b"C:\\x.jpg", b"x")], host=host)
    found = ZipSource(tmp_path / "bad.zip").scan(lambda _: None)
    assert found.files == ()
    assert len(found.failed) == 2


def test_a_backslash_in_a_letter_is_no_folder(tmp_path: Path) -> None:
    """In code page 932 the second byte of a letter may be that of a backslash."""
    write_zip(tmp_path / "set.zip", [("ソフト.jpg".encode("cp932"), b"x")], host=FAT)

    assert b"\\" in "ソフト".encode("cp932")
    assert names_in(tmp_path / "set.zip") == ["ソフト.jpg"]


def test_a_part_of_a_split_archive_says_what_is_missing(tmp_path: Path) -> None:
    """The last part names the others; each other part says how to join them."""
    end = struct.pack("<IHHHHIIH", 0x06054B50, 3, 3, 1, 1, 0, 0, 0)
    (tmp_path / "set.zip").write_bytes(b"PK\3\4" + bytes(60) + end)
    (tmp_path / "set.z02").write_bytes(bytes(64))
    for name in ("set.zip", "set.z02", "whole.zip.001", "set.tar.gz.part1"):
        if not (tmp_path / name).exists():
            (tmp_path / name).write_bytes(bytes(64))
        with pytest.raises(SourceError, match="split archive") as told:
            open_source(tmp_path / name, leave_out=frozenset()).scan(lambda _: None)
        assert "join the parts" in str(told.value)
        if name == "set.zip":
            assert "set.z01, set.z03" in str(told.value)
            assert "set.z02" not in str(told.value).split("try:")[0]
