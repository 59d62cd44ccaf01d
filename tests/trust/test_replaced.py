"""A pack that is replaced while it is open: every way to read gives the old answer or says so."""

from __future__ import annotations

import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import packhouse
from packhouse.errors import PackhouseError, PackReplacedError
from small_dataset import JOIN, write_dataset
from trust.pack_answers import Answers, answered, ask, questions, wrong

Shop = tuple[Path, Path, Answers]
UPDATE = "import packhouse, sys; packhouse.pack(sys.argv[1], sys.argv[2], update=True)"


def change(folder: Path) -> None:
    """Let two images trade places, and give each article another name: the same keys and lengths."""
    one, two = sorted((folder / "images" / "010").iterdir())
    first, second = one.read_bytes(), two.read_bytes()
    size = max(len(first), len(second))
    one.write_bytes(second.ljust(size, b"\0"))
    two.write_bytes(first.ljust(size, b"\0"))
    table = folder / "articles.csv"
    table.write_text(table.read_text().replace("Dress", "Shirt"))


@pytest.fixture(scope="module", params=["files", "parts"])
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A data set, its pack, and what that answers; images of one length, so that the new one is as large."""
    folder = tmp_path_factory.mktemp("replaced") / "shop"
    folder.mkdir()
    write_dataset(folder, images=9, transactions=40)
    images = sorted((folder / "images" / "010").iterdir())
    size = max(path.stat().st_size for path in images)
    for path in images:
        path.write_bytes(path.read_bytes().ljust(size, b"\0"))
    pack = folder.with_name("a.pack")
    packhouse.pack(folder, pack, joins=[JOIN], rows_per_file=13 if request.param == "parts" else None)
    return folder, pack, ask(pack)


@pytest.fixture
def shop(made: Shop, tmp_path: Path) -> Shop:
    """Copies of both, that a test may change."""
    folder, pack = tmp_path / "shop", tmp_path / "a.pack"
    shutil.copytree(made[0], folder)
    shutil.copytree(made[1], pack)
    return folder, pack, made[2]


def run(code: str, *arguments: object) -> None:
    """Run some Python in another process."""
    subprocess.run([sys.executable, "-c", code, *map(str, arguments)], check=True, timeout=120)


def update(folder: Path, pack: Path) -> None:
    """Replace the pack, as another process does: by two renames."""
    change(folder)
    run(UPDATE, folder, pack)


def copy_over(folder: Path, pack: Path) -> None:
    """Replace its files one by one, as rsync or cp do."""
    change(folder)
    new = pack.with_name("new.pack")
    rows_per_file = 13 if (pack / "articles.parquet").is_dir() else None
    options = f"joins=[{JOIN!r}], rows_per_file={rows_per_file}"
    run(f"import packhouse, sys; packhouse.pack(sys.argv[1], sys.argv[2], {options})", folder, new)
    for file in sorted(new.rglob("*.parquet")):
        target = pack / file.relative_to(new)
        if target.is_file():
            file.replace(target)
    for name in ("images.h5", "pack.json"):
        (new / name).replace(pack / name)


WAYS = {"update": update, "copied over": copy_over}


def use(pack: packhouse.Pack, amount: str) -> None:
    """Read nothing, an image, or everything once."""
    if amount == "an image":
        _ = pack.images["010/0107000000"].bytes
    if amount == "everything":
        for _, question in questions(pack):
            question()


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("amount", ["nothing", "an image", "everything"])
def test_an_open_pack_is_one_generation(shop: Shop, way: Callable[[Path, Path], None], amount: str) -> None:
    """Whatever was read before: old answers, or the error, and the new answers after opening it again."""
    folder, path, truth = shop
    with packhouse.open(path) as pack:
        use(pack, amount)
        way(folder, path)
        found = {name: answered(question) for name, question in questions(pack)}

    assert wrong(found, truth) == []
    errors = {type(answer) for answer in found.values() if isinstance(answer, PackhouseError)}
    assert PackReplacedError in errors
    assert wrong(ask(path), truth)  # what is new is seen by those who open it again


def test_what_was_pickled_is_bound_too(shop: Shop) -> None:
    """A pack, its images, its tables, a loader: none of them opens another pack than it came from."""
    folder, path, truth = shop
    with packhouse.open(path) as pack:
        kept = {
            "pack": pickle.dumps(pack),
            "images": pickle.dumps(pack.images),
            "tables": pickle.dumps(pack.tables),
            "table": pickle.dumps(pack.tables["articles"]),
            "samples": pickle.dumps(pack.samples(size=16, label="articles.colour_group_code")),
            "loader": pickle.dumps(pack.loader(4, size=16, threads=1)),
        }
        before = {name: used(data) for name, data in kept.items()}
        update(folder, path)
        after = {name: answered(partial(used, data)) for name, data in kept.items()}

    assert not any(isinstance(answer, Exception) for answer in before.values())
    assert before["table"] == truth["articles to_arrow"]
    assert {name: type(answer) for name, answer in after.items()} == dict.fromkeys(kept, PackReplacedError)


def used(data: bytes) -> Any:  # noqa: ANN401  # whatever it gives
    """Unpickle something of a pack and read from it."""
    it = pickle.loads(data)  # noqa: S301  # our own bytes
    if isinstance(it, packhouse.Pack):
        return [it.images[key].bytes for key in it.images]
    if hasattr(it, "sql") and hasattr(it, "to_arrow"):
        return it.to_arrow().to_pylist()
    if hasattr(it, "sql"):
        return it.sql("SELECT name FROM articles").to_pylist()
    if hasattr(it, "read_many"):
        return it.read_many(list(it))
    return [batch.keys for batch in it] if hasattr(it, "state_dict") else it[0].image.tobytes()


FORKED = """
import os, pickle, sys
sys.path.insert(0, sys.argv[3])
import packhouse
from trust.pack_answers import answered, questions
from trust.test_replaced import update
from pathlib import Path
pack = packhouse.open(sys.argv[2])
for _, question in questions(pack):
    question()
asked, told = os.pipe()
child = os.fork()
if not child:
    os.read(asked, 1)
    found = {name: answered(question) for name, question in questions(pack)}
    Path(sys.argv[2] + ".found").write_bytes(pickle.dumps(found))
    os._exit(0)
update(Path(sys.argv[1]), Path(sys.argv[2]))
os.write(told, b"x")
os._exit(os.waitpid(child, 0)[1])
"""


def test_a_forked_process_is_bound_too(shop: Shop) -> None:
    """It was forked before the pack was replaced, and reads after."""
    folder, path, truth = shop

    run(FORKED, folder, path, Path(__file__).parents[1])

    found = pickle.loads(Path(f"{path}.found").read_bytes())  # noqa: S301  # our own bytes
    assert wrong(found, truth) == []
    assert PackReplacedError in {type(answer) for answer in found.values()}


def test_a_derived_store_does_not_disturb(shop: Shop) -> None:
    """`derive` writes pack.json anew; what is in the pack stays."""
    _, path, truth = shop
    with packhouse.open(path) as pack:
        run("import packhouse, sys; packhouse.derive(sys.argv[1], size=16)", path)
        found = {name: answered(question) for name, question in questions(pack)}

    assert found == truth
