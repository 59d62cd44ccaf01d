"""The one module that imports pandas and Polars, which are the user's: needed only when asked for."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from packhouse._src.schemas import exact_in_pandas
from packhouse.errors import MissingDependencyError

if TYPE_CHECKING:
    import pyarrow as pa


def to_pandas(table: pa.Table) -> Any:  # noqa: ANN401  # a framework object crosses
    """Return a pandas DataFrame; text as Python strings, dates as datetime.date.

    Whole numbers and booleans with empty cells are of pandas' nullable types (Int64, boolean): as floats,
    which pandas would make of them, long ids would change.

    Raises:
        MissingDependencyError: pandas is not installed.
    """
    _need("pandas")
    return exact_in_pandas(table).to_pandas()


def to_polars(table: pa.Table) -> Any:  # noqa: ANN401  # a framework object crosses
    """Return a Polars DataFrame.

    Raises:
        MissingDependencyError: Polars is not installed.
    """
    return _need("polars").from_arrow(table)


def _need(name: str) -> Any:  # noqa: ANN401  # a module
    try:
        return importlib.import_module(name)
    except ImportError as err:
        raise MissingDependencyError(f"{name} is not installed", hint=f"pip install {name}") from err
