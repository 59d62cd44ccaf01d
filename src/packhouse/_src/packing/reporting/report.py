"""The report of `pack`, and pack.json, which is the report without place and time."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from packhouse._src.imagefile.format import FORMAT_VERSION, MANIFEST_FORMAT
from packhouse._src.notebook_cells.markup import lines_as_typed
from packhouse._src.packing.reporting.report_facts import ReportFacts
from packhouse._src.packing.reporting.report_lines import report_lines
from packhouse._src.version import __version__
from packhouse._src.wording.visible_text import joined


@dataclass(frozen=True, slots=True, kw_only=True)
class Report(ReportFacts):
    """Everything that `pack` did. `print(report)` shows what the command prints."""

    def __str__(self) -> str:
        """Return the report in words, several lines."""
        return joined(report_lines(self))

    def _repr_html_(self) -> str:
        return lines_as_typed(str(self))

    def to_manifest(self) -> dict[str, Any]:
        """Return the content of pack.json: the same for the same input, on any machine, at any time."""
        return {
            "format": MANIFEST_FORMAT,
            "format_version": FORMAT_VERSION,
            "packhouse": __version__,
            "source": self.source.absolute().name,
            "options": self.options,
            "given": self.given,
            "files": asdict(self.totals),
            "images": asdict(self.images) if self.images else None,
            "tables": {
                table.name: {**asdict(table), "digest": self.table_digests[table.name]}
                for table in self.tables
            },
            "links": [asdict(link) for link in self.links],
            "joins": {
                join.name: {**asdict(join), "digest": self.table_digests[join.name]} for join in self.joins
            },
            "archives": list(self.archives),
            "skipped": [asdict(one) for one in self.skipped],
            "failed": [asdict(one) for one in self.failed],
        }

    def to_dict(self) -> dict[str, Any]:
        """Return the report as `packhouse pack --json` prints it: pack.json with place and times."""
        return {
            **self.to_manifest(),
            "dest": str(self.dest),
            "bytes": self.bytes,
            "resumed": asdict(self.resumed) if self.resumed else None,
            "updated": asdict(self.updated) if self.updated else None,
            "up_to_date": self.up_to_date,
            "seconds": {stage: round(seconds, 3) for stage, seconds in self.seconds.items()},
        }
