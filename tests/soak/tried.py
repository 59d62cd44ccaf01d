"""Every soak, with its size."""

from __future__ import annotations

from functools import partial

from crash.test_every_call import SHORT
from soak import packers, structures
from soak.budget import Soak
from soak.fault_series import faults
from soak.flips import flips
from soak.readers import readers
from soak.replacements import replacements
from soak.rewriting import rewriting
from soak.round_trips import round_trips
from soak.same_bytes import same_bytes

SOAKS = (
    Soak("kills", "packers killed at any time, one to three times", 1_000, 4, packers.kills),
    Soak(
        "kill points",
        "calls at which a packer was killed, before the call or in the middle of a write",
        4_000,
        10,
        partial(faults, ("kill", "torn", "twice")),
    ),
    Soak(
        "failing calls",
        "calls that failed or did half: full disk, I/O error, interrupted, short read, short write",
        6_000,
        10,
        partial(faults, ("EIO", "EIO+", "ENOSPC", "ENOSPC+", "EIO!", "ENOSPC+!", *SHORT)),
    ),
    Soak("dead workers", "worker processes killed", 100, 4, partial(faults, ("worker",))),
    Soak("round trips", "files of 0 bytes to 3 MiB, packed, read and extracted", 100_000, 60, round_trips),
    Soak(
        "flips", "flipped bits in every file of a pack, every way to read asked after each", 10_000, 10, flips
    ),
    Soak("headers", "image files with changed headers, probed and decoded", 200_000, 300, structures.headers),
    Soak("archives", "zip and tar files with changed structures, packed", 20_000, 15, structures.damaged),
    Soak("names", "trees of generated names, packed and extracted", 2_000, 3, structures.names),
    Soak("rewriting", "rounds in which files are rewritten while they are packed", 1_000, 4, rewriting),
    Soak("cells", "generated CSV files, packed and compared with Python's csv", 20_000, 20, structures.cells),
    Soak("readers", "answers to 64 readers at once: spawned, forked and threads", 10_000_000, 100, readers),
    Soak("races", "races of two packers for one DEST", 1_000, 6, packers.races),
    Soak("replacements", "updates of a pack that another process reads all the while", 200, 2, replacements),
    Soak(
        "same bytes",
        "packs of one data set with other workers, engine, time zone, locale, umask, file times and order",
        20,
        2,
        same_bytes,
    ),
)
