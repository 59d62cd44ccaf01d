"""What packhouse promises, and which soaks and tests try it: the rows of the table in docs/trust.md."""

from __future__ import annotations

from typing import NamedTuple


class Promise(NamedTuple):
    """One promise."""

    name: str
    says: str
    soaks: tuple[str, ...] = ()
    """Names of `tried.SOAKS`."""

    tests: tuple[str, ...] = ()
    """Files and folders below `tests`, run once by `make soak`."""

    without: str = ""
    """Why there is nothing to try."""


PROMISES = (
    Promise(
        "P1",
        "A killed run loses no image, and the next one completes it with the same bytes.",
        ("kills", "kill points"),
        ("crash/test_every_call.py",),
    ),
    Promise(
        "P2",
        "DEST is never incomplete, and nothing is renamed before it is on disk.",
        ("kill points",),
        ("crash/test_sync_order.py", "crash/test_found_faults.py", "packing/test_destination.py"),
    ),
    Promise(
        "P3",
        "Packing, reading and extracting change no byte.",
        ("round trips",),
        ("imagefile/test_any_tree.py",),
    ),
    Promise(
        "P4",
        "A flipped bit never gives a wrong answer: the answer is right, or an error.",
        ("flips",),
        ("maintenance/test_flips.py", "trust/test_flips_everywhere.py"),
    ),
    Promise(
        "P5",
        "A full or failing disk is a clear error, and the next run completes.",
        ("failing calls",),
        ("packing/test_full_disk.py",),
    ),
    Promise(
        "P6",
        "A hostile image, archive, HDF5 file or pack is refused: no crash, little memory.",
        ("headers", "archives"),
        ("foreign/test_walker.py", "trust/test_index_bombs.py", "test_hostile_manifest.py"),
    ),
    Promise(
        "P7",
        "No name leads out of the folder, overwrites a file or merges two images.",
        ("names",),
        ("maintenance/test_extract.py", "imagefile/test_keys.py"),
    ),
    Promise(
        "P8",
        "Every file is accounted for: packed, skipped or failed.",
        ("names", "archives"),
        ("sources/test_folder.py",),
    ),
    Promise(
        "P9",
        "A file that changes while it is packed is packed whole, or reported.",
        ("rewriting",),
        ("crash/test_source_changes.py", "packing/test_still_written.py"),
    ),
    Promise(
        "P10",
        "No cell of a table changes, and no row is lost.",
        ("cells",),
        (
            "tables/delimited/test_round_trip.py",
            "tables/delimited/test_identity.py",
            "tables/sql/test_join.py",
        ),
    ),
    Promise("P11", "The server shows nothing without permission.", without="packhouse has no server yet"),
    Promise(
        "P12",
        "Many readers get right answers, a second packer is refused, an open pack is one version.",
        ("readers", "races", "replacements"),
        ("trust/test_fork_while_reading.py", "trust/test_replaced.py"),
    ),
    Promise(
        "P13",
        "The same input gives the same bytes.",
        ("same bytes",),
        ("trust/test_bare_system.py",),
    ),
    Promise("P14", "A network gives no wrong bytes.", without="packhouse does not read from a network yet"),
    Promise(
        "P15",
        "A killed worker process is a clear error, and the next run completes.",
        ("dead workers",),
        ("crash/test_ctrl_c.py",),
    ),
    Promise(
        "P16",
        "The code that writes, reads, guards and extracts is tested branch by branch.",
        tests=("imagefile", "maintenance"),
    ),
    Promise(
        "P17",
        "Every version reads the packs of earlier versions, and other programs read them too.",
        tests=("golden", "trust/test_other_hdf5_programs.py", "tables/test_other_readers.py"),
    ),
)
