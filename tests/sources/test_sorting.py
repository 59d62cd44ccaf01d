"""By its name alone every file is an image, a table or left out, and says why."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packhouse._src.images.formats import IMAGE_EXTENSIONS
from packhouse._src.records import SourceFile
from packhouse._src.sources.sorting import Selection, Sorted, sort_files

TREE = (
    "articles.csv",
    "images/010/a.jpg",
    "images/010/b.PNG",
    "images/011/c.jpeg",
    "images/.cache/d.jpg",
    "images/._c.jpg",
    "masks/a.jpg",
    "notes.txt",
    "Thumbs.db",
    "train/labels.CSV",
    "no extension",
)


def sort(*paths: str, **globs: tuple[str, ...]) -> Sorted:
    """Sort files of those paths."""
    return sort_files([SourceFile(path, 1, 2, 3) for path in paths], Selection(**globs))


def paths(found: Sorted) -> dict[str, list[str]]:
    """Return the paths of images and tables."""
    return {"images": [one.path for one in found.images], "tables": [one.path for one in found.tables]}


def reason(path: str, **globs: tuple[str, ...]) -> str:
    """Return why one file is skipped."""
    (skipped,) = sort(path, **globs).skipped
    assert skipped.path == path
    return skipped.reason


def test_by_extension() -> None:
    """Without globs the extension tells, in capitals too; order is kept."""
    assert paths(sort(*TREE)) == {
        "images": ["images/010/a.jpg", "images/010/b.PNG", "images/011/c.jpeg", "masks/a.jpg"],
        "tables": ["articles.csv", "train/labels.CSV"],
    }


@pytest.mark.parametrize("extension", sorted(IMAGE_EXTENSIONS))
def test_every_image_extension_in_any_case(extension: str) -> None:
    """Lower, upper and mixed case are the same extension."""
    names = [f"a{extension}", f"b{extension.upper()}", f"c{extension.title()}"]

    assert paths(sort(*names))["images"] == names


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1).map(
            "x/".__add__
        )
        | st.sampled_from(TREE)
    ),
    st.sampled_from([(), ("*",), ("*.jpg",), ("x/*",)]),
    st.sampled_from([(), ("*.csv",), ("x/*.txt",)]),
    st.sampled_from([(), ("*.txt",), ("*.csv",)]),
)
def test_every_file_is_in_one_place(
    names: list[str], images: tuple[str, ...], tables: tuple[str, ...], include: tuple[str, ...]
) -> None:
    """Images, tables and skipped are all the files, each once, whatever the names and globs."""
    found = sort(*names, images=images, tables=tables, include=include)

    placed = [one.path for part in (found.images, found.tables, found.skipped) for one in part]
    assert sorted(placed) == sorted(names)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (".x.jpg", "hidden file"),
        ("a/._x.jpg", "hidden file"),
        (".git/x.jpg", "in a hidden folder"),
        ("a/.thumbs/b/x.jpg", "in a hidden folder"),
        ("a/Thumbs.db", "left behind by an operating system"),
        ("DESKTOP.INI", "left behind by an operating system"),
        ("__MACOSX/a/x.jpg", "left behind by an operating system"),
        ("a.txt", "neither an image nor a table, by its name"),
        ("jpg", "neither an image nor a table, by its name"),
        ("a.jpg/readme", "neither an image nor a table, by its name"),
    ],
)
def test_what_is_skipped_says_why(path: str, expected: str) -> None:
    """Junk is named as such; the rest is neither image nor table."""
    assert reason(path) == expected


def test_a_glob_without_a_slash_is_matched_against_the_name() -> None:
    """Such a glob finds files in every folder."""
    assert paths(sort(*TREE, images=("a.*",)))["images"] == ["images/010/a.jpg", "masks/a.jpg"]


def test_a_glob_with_a_slash_is_matched_against_the_whole_path() -> None:
    """Such a glob says where, and "*" crosses folders."""
    assert paths(sort(*TREE, images=("images/*.jpg",)))["images"] == ["images/010/a.jpg"]
    assert paths(sort(*TREE, images=("images/*",)))["images"] == [
        "images/010/a.jpg",
        "images/010/b.PNG",
        "images/011/c.jpeg",
    ]
    assert paths(sort(*TREE, images=("010/*",)))["images"] == []


def test_globs_mind_case() -> None:
    """A glob means its letters, as in a shell."""
    assert paths(sort(*TREE, images=("*.png",)))["images"] == []
    assert paths(sort(*TREE, images=("*.[pP][nN][gG]",)))["images"] == ["images/010/b.PNG"]


def test_several_globs() -> None:
    """A file that one of them matches is chosen."""
    assert paths(sort(*TREE, images=("masks/*", "*.PNG")))["images"] == ["images/010/b.PNG", "masks/a.jpg"]


def test_a_glob_says_why_the_others_are_left_out() -> None:
    """An image that no glob names is skipped for that reason, and a table too."""
    assert reason("a.jpg", images=("b.*",)) == "not matched by --images"
    assert reason("a.csv", tables=("b.*",)) == "not matched by --tables"
    assert reason("a.txt", images=("b.*",), tables=("b.*",)) == "neither an image nor a table, by its name"


def test_tables_of_another_extension() -> None:
    """A glob makes tables of files that are not named so."""
    assert paths(sort("a.txt", "b.csv", tables=("*.txt",)))["tables"] == ["a.txt"]


def test_a_table_wins_over_an_image() -> None:
    """What both globs name is read as a table."""
    assert paths(sort("a.dat", images=("*",), tables=("*.dat",))) == {"images": [], "tables": ["a.dat"]}


def test_include_beats_all() -> None:
    """What is included is packed as bytes: junk, tables and hidden files too."""
    everything = ("a/.hidden/x.bin", "Thumbs.db", "._x.jpg", "t.csv", "r.txt")

    assert paths(sort(*everything, include=("*",)))["images"] == list(everything)
    assert paths(sort(*everything, include=("*.txt", "a/*")))["images"] == ["a/.hidden/x.bin", "r.txt"]


def test_a_glob_does_not_bring_junk_back() -> None:
    """Choosing images by "*" leaves hidden files out."""
    assert paths(sort("a.jpg", ".a.jpg", "Thumbs.db", images=("*",)))["images"] == ["a.jpg"]


@pytest.mark.parametrize("name", ["line\nbreak.jpg", "[x].jpg", "a'b\".jpg", "ä*.jpg", " .jpg"])
def test_awkward_names_are_names(name: str) -> None:
    """No letter of a name means anything but itself, and "*" matches all of them."""
    assert paths(sort(name))["images"] == [name]
    assert paths(sort(name, images=("*.jpg",)))["images"] == [name]
    assert paths(sort(f"d/{name}", images=("d/*",)))["images"] == [f"d/{name}"]


def test_tables_of_a_pack_are_none_of_the_data_set() -> None:
    """A pack that was left in the data set is not packed again, unless the tables are chosen."""
    files = (
        "old/pack.json",
        "old/a.parquet",
        "old/deep/b.parquet",
        "old/c.csv",
        "older.parquet",
        "x_pack.json",
    )

    assert paths(sort(*files))["tables"] == ["old/c.csv", "older.parquet"]
    assert "--tables" in next(one.reason for one in sort(*files).skipped if one.path == "old/a.parquet")
    assert paths(sort(*files, tables=("*.parquet",)))["tables"] == [
        "old/a.parquet",
        "old/deep/b.parquet",
        "older.parquet",
    ]


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        *((f"a.{kind}", True) for kind in ("csv", "tsv", "jsonl", "NDJSON", "parquet", "feather", "arrow")),
        *((f"a.csv.{packed}", True) for packed in ("gz", "zst", "bz2", "xz", "ZIP")),
        *(("a.jsonl.gz", True), ("a.parquet.gz", False), ("a.json", False), ("a.txt.gz", False)),
    ],
)
def test_every_extension_of_a_table(name: str, is_one: bool) -> None:  # noqa: FBT001
    """Text is known compressed too; files that are compressed inside are not compressed again."""
    assert (paths(sort(name))["tables"] == [name]) is is_one
