"""packhouse: one command packs a data set (image folders and CSV tables), one line opens it.

    import packhouse
    report = packhouse.pack("h-and-m", "hm.pack")
    pack = packhouse.open("hm.pack")

Nothing heavy is imported before it is used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from packhouse._src.version import __version__ as __version__  # shown as it is
from packhouse.errors import PackhouseError

if TYPE_CHECKING:
    from packhouse._src.benchmarking.bench import bench
    from packhouse._src.benchmarking.bench_report import BenchReport
    from packhouse._src.checking.check import check
    from packhouse._src.checking.check_report import CheckReport
    from packhouse._src.deriving.derive import DeriveReport, derive
    from packhouse._src.maintenance.extract import ExtractReport, extract
    from packhouse._src.maintenance.index import IndexReport, index
    from packhouse._src.maintenance.repair import RepairReport, repair
    from packhouse._src.maintenance.verify import VerifyReport, verify
    from packhouse._src.opening import Pack, open  # noqa: A004  # packhouse.open, as gzip.open
    from packhouse._src.packing.options import PackOptions
    from packhouse._src.packing.pack import pack, plan
    from packhouse._src.packing.reporting.report import Report
    from packhouse._src.synthetic.sample import SampleSummary, sample

__all__ = [
    "BenchReport",
    "CheckReport",
    "DeriveReport",
    "ExtractReport",
    "IndexReport",
    "Pack",
    "PackOptions",
    "PackhouseError",
    "RepairReport",
    "Report",
    "SampleSummary",
    "VerifyReport",
    "bench",
    "check",
    "derive",
    "extract",
    "index",
    "open",
    "pack",
    "plan",
    "repair",
    "sample",
    "verify",
]

_HOMES = {
    "BenchReport": "packhouse._src.benchmarking.bench_report",
    "bench": "packhouse._src.benchmarking.bench",
    "CheckReport": "packhouse._src.checking.check_report",
    "check": "packhouse._src.checking.check",
    "DeriveReport": "packhouse._src.deriving.derive",
    "ExtractReport": "packhouse._src.maintenance.extract",
    "IndexReport": "packhouse._src.maintenance.index",
    "RepairReport": "packhouse._src.maintenance.repair",
    "VerifyReport": "packhouse._src.maintenance.verify",
    "derive": "packhouse._src.deriving.derive",
    "extract": "packhouse._src.maintenance.extract",
    "index": "packhouse._src.maintenance.index",
    "repair": "packhouse._src.maintenance.repair",
    "verify": "packhouse._src.maintenance.verify",
    "Pack": "packhouse._src.opening",
    "PackOptions": "packhouse._src.packing.options",
    "Report": "packhouse._src.packing.reporting.report",
    "open": "packhouse._src.opening",
    "pack": "packhouse._src.packing.pack",
    "plan": "packhouse._src.packing.pack",
    "SampleSummary": "packhouse._src.synthetic.sample",
    "sample": "packhouse._src.synthetic.sample",
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
