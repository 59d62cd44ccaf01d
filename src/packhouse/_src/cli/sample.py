"""packhouse sample: a made-up data set to try everything on."""

from __future__ import annotations

import click

from packhouse._src.cli._options import json_option


@click.command("sample")
@click.argument("folder", metavar="DIR")
@click.option("--images", default=2000, show_default=True, metavar="N", help="Number of images")
@click.option("--customers", default=5000, show_default=True, metavar="N", help="Rows of customers.csv")
@click.option(
    "--transactions", default=100_000, show_default=True, metavar="N", help="Rows of transactions_train.csv"
)
@click.option(
    "--seed",
    default=0,
    show_default=True,
    metavar="N",
    help="Random seed; the same seed gives the same bytes",
)
@click.option("--problems", is_flag=True, help="Add broken and unusual files, as real data sets have them")
@json_option
def command(  # noqa: PLR0917
    folder: str,
    images: int,
    customers: int,
    transactions: int,
    seed: int,
    problems: bool,
    as_json: bool,
) -> None:
    """Write a generated fashion data set to the new folder DIR."""
    from dataclasses import asdict

    from packhouse._src.cli._printing import print_done
    from packhouse._src.progress_display.display import shown
    from packhouse._src.synthetic.sample import sample
    from packhouse._src.wording.quantities import counted, size
    from packhouse._src.wording.visible_text import visible_line

    with shown() as observer:
        made = sample(
            folder,
            images=images,
            customers=customers,
            transactions=transactions,
            seed=seed,
            problems=problems,
            progress=observer,
        )
    odd = f" + {counted(len(made.problems), 'problem file')}" if made.problems else ""
    name = visible_line(str(made.folder))
    words = (
        f"{name}: {counted(made.images, 'image')}{odd}, {counted(made.articles, 'article')}, "
        f"{counted(made.customers, 'customer')}, {counted(made.transactions, 'transaction')}, "
        f"{size(made.bytes)}\n"
        f"next: packhouse pack {name} -o {visible_line(made.folder.name)}.pack "
        '--join "train = transactions_train + customers on customer_id"'
    )
    print_done(str(made.folder), asdict(made), words, as_json=as_json)
