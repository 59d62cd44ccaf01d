"""What stands for an image outside: arrays or Pillow images, and the transforms that want them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeAlias

from numpy.typing import NDArray

from packhouse._src.images.pillow_ import picture_of
from packhouse._src.loader.batch import Batch
from packhouse.errors import UsageError

Output: TypeAlias = Literal["tensor", "numpy", "pil"]
OUTPUTS = ("tensor", "numpy", "pil")

Transform: TypeAlias = Callable[[Any], Any]


def check_output(output: object) -> None:
    """Refuse an output that is not known.

    Args:
        output: One of OUTPUTS.

    Raises:
        UsageError: It is another one.
    """
    if output not in OUTPUTS:
        raise UsageError(f"output={output!r} is not known", hint=", ".join(f'"{one}"' for one in OUTPUTS))


def pictures_of(batch: Batch) -> list[Any]:
    """Return the images of a batch as Pillow images, in mode RGB or L.

    Raises:
        UsageError: An image of raw samples has a type or number of channels that Pillow does not have.

    Cost: copies each image.
    """
    return [_picture(image) for image in batch.images]


def _picture(image: NDArray[Any]) -> Any:  # noqa: ANN401  # of Pillow
    try:
        return picture_of(image)
    except TypeError as err:
        raise UsageError(
            f"Pillow has no image of {image.shape[2]} channels of {image.dtype}", hint='output="numpy"'
        ) from err


def transformed(transform: Transform, images: Sequence[Any]) -> list[Any]:
    """Call a transform with each image.

    Args:
        transform: Takes one image, returns what stands in its place. One of albumentations is called as it
            wants to be: with the image by name, returning a dict.
        images: The images.

    Returns:
        The results, in the same order.
    """
    if any(kind.__module__.partition(".")[0] == "albumentations" for kind in type(transform).__mro__):
        by_name: Any = transform
        return [by_name(image=image)["image"] for image in images]
    return [transform(image) for image in images]
