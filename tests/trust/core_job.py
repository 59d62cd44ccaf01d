"""Packs, reads, checks, updates and unpacks a data set; run by test_bare_system in a process of its own."""

from __future__ import annotations

import sys
from pathlib import Path

import packhouse

JOIN = "train = transactions_train + customers on customer_id"


def main(source: Path, folder: Path) -> None:
    """Do all that a user does with a pack, and print what came of it."""
    made = folder / "made.pack"
    told: list[object] = []
    packhouse.pack(source, made, joins=[JOIN], workers=2)
    with packhouse.open(made) as pack:
        told.append(sum(len(pack.images[key].bytes) for key in pack.images))
        told.append(pack.tables["train"].sql("SELECT count(*) FROM train").to_pylist())
        loader = pack.loader(batch_size=4, size=16, label="articles.colour_group_code", seed=1)
        told.append(sum(len(batch.keys) for batch in loader))
    told.append(packhouse.verify(made, against=source).is_sound)
    with (source / "articles.csv").open("a", encoding="utf-8") as file:
        file.write("0990000009,0990000,Dress,01,new\n")
    told.append(packhouse.pack(source, made, update=True).up_to_date)
    packhouse.extract(made, folder / "extracted")
    packhouse.repair(made, folder / "repaired.pack")
    packhouse.derive(made, 8)
    packhouse.index(made / "images.h5")
    sys.stdout.write("\n".join(map(str, told)))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
