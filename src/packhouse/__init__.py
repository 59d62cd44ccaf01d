"""packhouse: one command packs a data set (image folders and CSV tables), one line opens it.

    import packhouse
    report = packhouse.pack("h-and-m", "hm.pack")
    pack = packhouse.open("hm.pack")

Nothing heavy is imported before it is used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from packhouse.errors import PackhouseError

if TYPE_CHECKING:
    from packhouse.benchmarking.job import bench
    from packhouse.benchmarking.report import BenchReport
    from packhouse.care.extracting import ExtractReport, extract
    from packhouse.care.repairing import RepairReport, repair
    from packhouse.care.verifying import VerifyReport, verify
    from packhouse.deriving.job import DeriveReport, derive
    from packhouse.opening import Pack, open  # noqa: A004  # packhouse.open, as gzip.open
    from packhouse.packing.job import pack, plan
    from packhouse.packing.options import PackOptions
    from packhouse.packing.report import Report

__version__ = "0.1.0"
__all__ = [
    "BenchReport",
    "DeriveReport",
    "ExtractReport",
    "Pack",
    "PackOptions",
    "PackhouseError",
    "RepairReport",
    "Report",
    "VerifyReport",
    "bench",
    "derive",
    "extract",
    "open",
    "pack",
    "plan",
    "repair",
    "verify",
]

_HOMES = {
    "BenchReport": "packhouse.benchmarking.report",
    "bench": "packhouse.benchmarking.job",
    "DeriveReport": "packhouse.deriving.job",
    "ExtractReport": "packhouse.care.extracting",
    "RepairReport": "packhouse.care.repairing",
    "VerifyReport": "packhouse.care.verifying",
    "derive": "packhouse.deriving.job",
    "extract": "packhouse.care.extracting",
    "repair": "packhouse.care.repairing",
    "verify": "packhouse.care.verifying",
    "Pack": "packhouse.opening",
    "PackOptions": "packhouse.packing.options",
    "Report": "packhouse.packing.report",
    "open": "packhouse.opening",
    "pack": "packhouse.packing.job",
    "plan": "packhouse.packing.job",
}


def __getattr__(name: str) -> object:
    """Import a public name from its home on first use."""
    if name not in _HOMES:
        message = f"module 'packhouse' has no attribute {name!r}"
        raise AttributeError(message)
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List public names, imported yet or not."""
    return sorted({*globals(), *__all__})
