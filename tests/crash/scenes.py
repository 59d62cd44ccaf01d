"""Small data sets to be killed over: a dozen images, one of them empty, and a table or two."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import packhouse
from packhouse._src.imagefile.write import skeleton_process, writer
from packhouse._src.packing import pack
from packhouse._src.packing.planning import Plan, check_space
from packhouse._src.packing.reporting.report import Report
from packhouse._src.records import SourceFile
from packhouse._src.sources.folder import FolderSource
from small_dataset import jpeg

MANY = tuple(f"many/{number:03d}.jpg" for number in range(9))
"""More than eight links in a group lie in a heap, not in its header."""

FEW = ("few/empty.jpg", "few/one.jpg", "few/two.jpg")
LONE = "deep/er/lone.jpg"
OLD_TIME_NS = 1_600_000_000_000_000_000


def write_source(folder: Path) -> None:
    """Write thirteen images and a table that names them."""
    for number, path in enumerate((*MANY, *FEW, LONE)):
        put(folder, path, b"" if path == FEW[0] else jpeg(number, width=16, height=16 + number))
    names = [Path(path).stem for path in (*MANY, *FEW, LONE)]
    rows = [f"{name},{number * 3},thing {number}" for number, name in enumerate(names)]
    put(folder, "items.csv", "\n".join(["item,price,what", *rows, ""]).encode())


def write_sales(folder: Path) -> None:
    """Write a table to be joined with the first one."""
    items = [Path(path).stem for path in (*MANY, *FEW, LONE)]
    rows = [f"{number},{items[number * 5 % len(items)]}" for number in range(30)]
    put(folder, "sales.csv", "\n".join(["sale,item", *rows, ""]).encode())


def put(folder: Path, path: str, data: bytes, *, mtime_ns: int = OLD_TIME_NS) -> None:
    """Write one file, with a time that is long past."""
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(data)
    os.utime(target, ns=(mtime_ns, mtime_ns))


def contents(folder: Path) -> dict[str, bytes]:
    """Return all files below a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@dataclass
class Scene:
    """A data set, where it is packed to, and how."""

    home: Path
    variant: str
    reference: dict[str, bytes] = field(default_factory=dict)
    """The files of a pack made in one go."""

    old: dict[str, bytes] | None = None
    """The files of the pack that is there before."""

    @property
    def source(self) -> Path:
        """The data set."""
        return self.home / "source"

    @property
    def area(self) -> Path:
        """All that is changed lies here."""
        return self.home / "area"

    @property
    def out(self) -> Path:
        """The folder of the pack."""
        return self.area / "out"

    @property
    def dest(self) -> Path:
        """The pack."""
        return self.out / "some.pack"

    @property
    def packing(self) -> Path:
        """Where it is made."""
        return self.out / "some.pack.packing"

    @property
    def options(self) -> dict[str, Any]:
        """How it is packed."""
        chosen: dict[str, Any] = {"workers": 2 if self.variant in {"threads", "processes"} else 1}
        if self.variant == "joined":
            chosen |= {"joins": ["sold = sales + items on item"], "rows_per_file": 12}
        elif self.variant == "partitioned":
            chosen |= {"joins": ["sold = sales + items on item"], "partition_by": "sold=item"}
        elif self.variant not in {"plain", "threads"}:
            chosen["tables"] = ("no table",)
        if self.variant in {"overwrite", "update"}:
            chosen[self.variant] = True
        if self.variant == "processes":
            chosen["engine"] = "processes"
        return chosen

    @property
    def images(self) -> dict[str, bytes]:
        """Path -> bytes, of all images of the data set."""
        found = {path: (self.source / path).read_bytes() for path in (*MANY, *FEW, LONE)}
        return {**found, "few/new.jpg": b"new"} if self.variant in {"overwrite", "update"} else found

    @property
    def unreadable(self) -> frozenset[str]:
        """Paths of images that are as they should be at the scan, and not any more when they are read."""
        return frozenset({LONE, MANY[3], FEW[1]}) if self.variant == "unreadable" else frozenset()

    def set_up(self, pack: Callable[[], None]) -> None:
        """Write the data set, and the pack that is there before; `pack` runs in a process of its own."""
        write_source(self.source)
        if self.variant in {"joined", "partitioned"}:
            write_sales(self.source)
        self.out.mkdir(parents=True)
        (self.area / "cache").mkdir()
        if self.variant in {"overwrite", "update"}:
            pack()
            self.old = contents(self.dest)
            put(self.source, MANY[4], b"another picture")
            put(self.source, MANY[6], b"x" * (self.source / MANY[6]).stat().st_size, mtime_ns=OLD_TIME_NS + 1)
            put(self.source, "few/new.jpg", b"new")
        shutil.copytree(self.area, self.home / "before")
        pack()
        self.reference = contents(self.dest)
        shutil.copytree(self.dest, self.home / "reference")

    def reset(self) -> None:
        """Put everything where it was before the first run."""
        shutil.rmtree(self.area)
        shutil.copytree(self.home / "before", self.area)

    def pack(self, read: list[str], **options: Any) -> Report:  # noqa: ANN401  # as packhouse.pack
        """Pack once; `read` is told the paths that are read from the source."""
        self._patch(read)
        return packhouse.pack(self.source, self.dest, **self.options, **options)

    def pack_by_command(self, read: list[str]) -> int:
        """Pack once by the command line, and return its exit code."""
        from packhouse._src.cli.main import run

        self._patch(read)
        arguments = ["pack", str(self.source), "-o", str(self.dest), f"--workers={self.options['workers']}"]
        arguments += [f"--{name}" for name in ("overwrite", "update") if name in self.options]
        arguments += [f"--tables={glob}" for glob in self.options.get("tables", ())]
        return run(arguments)

    def _patch(self, read: list[str]) -> None:
        """Make many pieces of few images, note what is read, and make files vanish behind the scan."""
        vars(writer)["PIECE_IMAGES"] = 2 if self.variant in {"update", "threads"} else 1
        vars(writer)["TASK_BYTES"] = (1, 1)
        if self.variant == "apart":
            vars(skeleton_process)["APART_FROM_IMAGES"] = 0
        really_read, really_check = FolderSource.read_into, check_space

        def read_into(source: FolderSource, file: SourceFile, view: memoryview) -> SourceFile:
            read.append(file.path)
            return really_read(source, file, view)

        def check_and_hide(plan: Plan) -> None:
            really_check(plan)
            self.hide()

        vars(pack)["check_space"] = check_and_hide
        FolderSource.read_into = read_into  # type: ignore[method-assign,assignment]

    def hide(self) -> None:
        """Make images unreadable: one is gone, with its group; one is a FIFO; one has grown."""
        for path in sorted(self.unreadable):
            (self.source / path).rename(self.home / f"hidden-{path.replace('/', '-')}")
        if self.unreadable:
            os.mkfifo(self.source / MANY[3])
            put(self.source, FEW[1], b"longer" * 1000)

    def show(self) -> None:
        """Put hidden images back, as they were."""
        for path in sorted(self.unreadable):
            hidden = self.home / f"hidden-{path.replace('/', '-')}"
            if hidden.exists():
                hidden.replace(self.source / path)
