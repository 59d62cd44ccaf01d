"""`pack.samples` and `pack.loader` have the options of `SampleOptions` and `LoaderOptions`, spelled alike."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import MISSING, fields
from typing import Any, get_args

import pytest

from docstring_kit import arguments_of
from packhouse._src.images.cropping import CROPS
from packhouse._src.images.pillow_ import Mode
from packhouse._src.loader.loadable import Loadable
from packhouse._src.loader.loader import LoaderOptions
from packhouse._src.loader.sample_options import CropName, OnError, OnUnlabelled, SampleOptions
from packhouse.errors import UsageError

WIDER = {"size": "tuple[int, int] | int | None", "columns": "Sequence[str] | str"}
"""Of these the functions take more than the options hold."""


def spelled(*options: type) -> dict[str, tuple[object, str]]:
    """Return option -> default and type."""
    found = {}
    for one in (one for kind in options for one in fields(kind)):
        assert one.default is not MISSING, one.name
        found[one.name] = (one.default, WIDER.get(one.name, str(one.type)))
    return found


def signature_of(function: Callable[..., Any]) -> dict[str, tuple[object, str]]:
    """Return parameter -> default and type."""
    _self, *parameters = inspect.signature(function).parameters.values()
    return {one.name: (one.default, one.annotation) for one in parameters}


def test_samples_has_the_options_of_samples() -> None:
    """In their order, with their defaults and types, and each is explained."""
    expected = spelled(SampleOptions)

    assert list(signature_of(Loadable.samples).items()) == list(expected.items())
    assert list(arguments_of(Loadable.samples)) == list(expected)


def test_loader_has_those_and_its_own() -> None:
    """The shared ones in the same order; each is explained or refers to `samples`."""
    expected = spelled(SampleOptions, LoaderOptions)
    found = signature_of(Loadable.loader)
    explained = arguments_of(Loadable.loader)

    assert found == expected
    assert [name for name in found if name in spelled(SampleOptions)] == list(spelled(SampleOptions))
    assert set(explained) == set(expected)
    for name in spelled(SampleOptions):
        assert explained[name].startswith("See `samples`"), name


@pytest.mark.parametrize(
    ("name", "choices", "others"),
    [
        ("crop", get_args(CropName), {}),
        ("on_error", get_args(OnError), {}),
        ("on_unlabelled", get_args(OnUnlabelled), {}),
        ("mode", get_args(Mode), {"size": None}),
    ],
)
def test_each_choice_of_a_type_is_taken_and_no_other(
    name: str, choices: tuple[str, ...], others: dict[str, Any]
) -> None:
    """What a type checker allows is what is allowed, and is named where the option is explained."""
    for choice in choices:
        assert getattr(SampleOptions(**{**others, name: choice}), name) == choice
        assert f'"{choice}"' in arguments_of(Loadable.samples)[name]
    with pytest.raises(UsageError, match=name):
        SampleOptions(**{**others, name: "nonsense"})


def test_every_crop_has_a_name() -> None:
    """The names that a type checker knows are those of the functions that crop."""
    assert get_args(CropName) == tuple(CROPS)
