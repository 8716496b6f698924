# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Prompts on a slice to a mask, each answer refined from the one before."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
import torch

from litemed.images.boxes import check_boxes
from litemed.prompting.clicks import Click, stroke_clicks
from litemed.prompting.pieces import keep_meant
from litemed.prompting.zoom import PlacedSquare, Window, Zoom, check_zoom, zoom_windows
from litemed.transforms.longest_side import LongestSide, Region

__all__ = ["Found", "Place", "Prompt", "PromptNetwork", "Refiner", "check_prompt"]

_MARGIN = 3
"""Pixels of the square by which an object's box in the next slice is larger than its mask, as in `Box3DInferer`."""
_STROKE_STEP = 12
_STROKE_CLICKS = 8


class PromptNetwork(Protocol):
    """A network of the MedSAM-lite family, which takes all its prompts."""

    def encode_image(self, image: torch.Tensor) -> torch.Tensor:
        """Embed ``(1, 3, 256, 256)`` pictures, values 0 to 1."""

    def decode(
        self,
        embedding: torch.Tensor,
        boxes: torch.Tensor | None = None,
        points: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
        masks: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits ``(1, 1, 256, 256)`` and predicted IoU ``(1, 1)``, see `litemed.networks.MedSAMLite.decode`."""


@dataclass(frozen=True)
class Place:
    """A slice of an image.

    Attributes:
        plane: of the slice, see `litemed.prompting.SessionImage`.
        index: of the slice; 0 of a picture.
    """

    plane: str
    index: int


@dataclass(frozen=True)
class Prompt:
    """What someone draws on a slice to say what an object is.

    Attributes:
        kind: ``"box"``, ``"click"`` or ``"stroke"``.
        numbers: x0, y0, x1, y1 of a box; x, y of a click; x, y, x, y, ... along a stroke; in pixels of the slice, whole
            numbers on pixel centres.
        positive: whether a click or stroke is on the object.
        plane: see `Place`.
        index: see there.
    """

    kind: Literal["box", "click", "stroke"]
    numbers: tuple[float, ...]
    positive: bool
    plane: str
    index: int

    @property
    def place(self) -> Place:
        """The slice that it is on."""
        return Place(self.plane, self.index)

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {**asdict(self), "numbers": list(self.numbers)}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Prompt:
        """What `to_json` gave.

        Raises:
            TypeError, ValueError, KeyError: for other content.
        """
        numbers = tuple(map(float, content["numbers"]))
        return cls(
            **{**content, "numbers": numbers, "positive": bool(content["positive"]), "index": int(content["index"])}
        )


class Found(NamedTuple):
    """A mask on a slice.

    Attributes:
        logits: float16 of the rows and columns of ``region``; -inf beside the mask, and so beyond the region.
        region: rows and columns.
        following: the box in the slice's square in which the slice beside it has the object, see
            `litemed.prompting.zoom.PlacedSquare.next_box`; None for an empty mask.
    """

    logits: np.ndarray
    region: Region
    following: np.ndarray | None


def check_prompt(prompt: Prompt, sides: tuple[int, int], before: Sequence[Prompt] = ()) -> Prompt:
    """Check a prompt against its slice, and clip a box that leaves it.

    Args:
        prompt: the prompt.
        sides: width and height of the slice.
        before: prompts of the same object on the same slice.

    Raises:
        ValueError: for numbers that aren't finite or lie outside, and a click where one of the other kind is.
    """
    if prompt.kind == "box":
        (box,), _ = check_boxes([prompt.numbers], sides)
        return replace(prompt, numbers=tuple(box.tolist()), positive=True)
    if prompt.kind not in ("click", "stroke"):
        raise ValueError(f"expected a box, click or stroke, got {prompt.kind!r}")
    places = np.asarray(prompt.numbers, dtype=np.float64)
    if not len(places) or len(places) % 2 or (prompt.kind == "click" and len(places) != 2):
        raise ValueError(f"expected x and y of a {prompt.kind}, got {list(prompt.numbers)}")
    pairs = places.reshape(-1, 2)
    if not ((pairs >= -0.5) & (pairs <= np.array(sides) - 0.5)).all():
        size = "x".join(map(str, sides))
        raise ValueError(f"expected a {prompt.kind} inside {size} pixels, got {list(prompt.numbers)}")
    for other in before:
        same = other.kind == prompt.kind == "click" and np.array_equal(np.rint(other.numbers), np.rint(places))
        if same and other.positive != prompt.positive:
            pixel = ", ".join(f"{number:g}" for number in prompt.numbers)
            raise ValueError(f"pixel {pixel} has a click that says the opposite: take it back first")
    return prompt


class Refiner:
    """Decodes the prompts of an object on a slice in their order: each with all before it and the mask they gave.

    A box says anew where the object is: it comes first, the last one alone. The answer depends on the prompts only, not
    on what was undone between; the latest are kept, so that the next prompt costs one decoding. Threads may share it.

    A small object with a box is seen in a window around it, as long as all of its clicks lie in that.

    Args:
        network: in evaluation mode.
        embedding: gives the embedding of a window of a slice, ``(1, 256, 64, 64)``.
        geometry: gives how a slice of a plane lies in the network's square.
        zoom: "off" sees all objects in the whole slice.
        capacity: most answers kept, of 256 KiB each.
    """

    def __init__(
        self,
        network: PromptNetwork,
        embedding: Callable[[Place, Window], torch.Tensor],
        geometry: Callable[[str], LongestSide],
        zoom: Zoom = "auto",
        capacity: int = 256,
    ) -> None:
        check_zoom(zoom, challenge_compat=False)
        self._network = network
        self._embedding = embedding
        self._geometry = geometry
        self._zoom = zoom
        self._capacity = capacity
        self._held: OrderedDict[tuple[Window, tuple[Prompt, ...]], torch.Tensor] = OrderedDict()
        self._lock = threading.Lock()

    def answer(self, prompts: Sequence[Prompt]) -> Found:
        """The mask of prompts that are all on one slice, at least one."""
        place = prompts[0].place
        boxes = [prompt for prompt in prompts if prompt.kind == "box"]
        ordered = (*boxes[-1:], *(prompt for prompt in prompts if prompt.kind != "box"))
        placed = self._placed(place.plane, ordered)
        known, logits = self._latest(placed.window, ordered)
        for count in range(known + 1, len(ordered) + 1):
            logits = self._decode(place, placed, ordered[:count], logits)
            self._keep(placed.window, ordered[:count], logits)
        assert logits is not None
        box, clicks = _told(placed, ordered)
        return self._found(place.plane, placed, logits, box, [click[:2] for click in clicks if click.positive])

    def follow(self, place: Place, box: np.ndarray) -> tuple[Found, float]:
        """The mask in a box ``(4,)`` of the slice's square, which the slice beside it says, and its predicted IoU."""
        geometry = self._geometry(place.plane)
        placed = self._window(geometry, box / geometry.scale)
        if not placed.is_whole(geometry):
            (box,) = placed.to_square(box[None] / geometry.scale)
        with torch.inference_mode():
            logits, iou = self._network.decode(self._embedding(place, placed.window), torch.from_numpy(box)[None])
        return self._found(place.plane, placed, logits, box), float(iou)

    def _window(self, geometry: LongestSide, box: np.ndarray) -> PlacedSquare:
        """What an object with a box ``(4,)`` in pixels of the slice is seen in."""
        if self._zoom == "off":
            return PlacedSquare.whole(geometry)
        (window,) = zoom_windows(box[None], geometry.height, geometry.width)
        return PlacedSquare(window._replace(boxes=()))

    def _placed(self, plane: str, prompts: Sequence[Prompt]) -> PlacedSquare:
        """What an object with prompts is seen in: a box, if there is one, comes first."""
        geometry = self._geometry(plane)
        if prompts[0].kind == "box":
            placed = self._window(geometry, np.array(prompts[0].numbers))
            left, top, width, height, _ = placed.window
            places = np.concatenate([np.reshape(prompt.numbers, (-1, 2)) for prompt in prompts]) - [left, top]
            if (places >= -0.5).all() and (places <= np.array([width, height]) - 0.5).all():
                return placed
        return PlacedSquare.whole(geometry)

    def _found(
        self,
        plane: str,
        placed: PlacedSquare,
        logits: torch.Tensor,
        box: np.ndarray | None,
        on_object: Sequence[Sequence[float]] = (),
    ) -> Found:
        """Logits ``(1, 1, 256, 256)`` as a mask of the slice, see `litemed.prompting.pieces.keep_meant`."""
        height, width = placed.resized
        meant = logits[0, 0] if box is None else keep_meant(logits[0, 0], box, on_object)
        values, region = placed.restore(meant)
        following = placed.next_box((meant[:height, :width] > 0).numpy(), self._geometry(plane), _MARGIN)
        return Found(np.where(values > 0, values, -np.inf).astype(np.float16), region, following)

    def _decode(
        self, place: Place, placed: PlacedSquare, prompts: Sequence[Prompt], before: torch.Tensor | None
    ) -> torch.Tensor:
        box, clicks = _told(placed, prompts)
        boxes = None if box is None else torch.from_numpy(box)[None]
        points = torch.tensor([[click[:2] for click in clicks]]) if clicks else None
        labels = torch.tensor([[float(click.positive) for click in clicks]]) if clicks else None
        with torch.inference_mode():
            return self._network.decode(self._embedding(place, placed.window), boxes, points, labels, before)[0]

    def _latest(self, window: Window, prompts: tuple[Prompt, ...]) -> tuple[int, torch.Tensor | None]:
        """How many of the prompts have an answer in a window already, and that."""
        with self._lock:
            for count in range(len(prompts), 0, -1):
                key = window, prompts[:count]
                if key in self._held:
                    self._held.move_to_end(key)
                    return count, self._held[key]
        return 0, None

    def _keep(self, window: Window, prompts: tuple[Prompt, ...], logits: torch.Tensor) -> None:
        with self._lock:
            self._held[window, prompts] = logits
            while len(self._held) > self._capacity:
                self._held.popitem(last=False)


def _told(placed: PlacedSquare, prompts: Sequence[Prompt]) -> tuple[np.ndarray | None, list[Click]]:
    """The box ``(4,)`` and the clicks, strokes among them, in pixels of the network's square."""
    box, clicks = None, []
    for prompt in prompts:
        if prompt.kind == "box":
            (box,) = placed.to_square(np.array([prompt.numbers]))
        elif prompt.kind == "click":
            x, y = prompt.numbers
            clicks.append(Click(x, y, prompt.positive))
        else:
            path = np.reshape(prompt.numbers, (-1, 2))
            clicks += stroke_clicks(path, prompt.positive, _STROKE_STEP / placed.inner.scale, _STROKE_CLICKS)
    return box, [Click(*placed.point_to_square(x, y), positive) for x, y, positive in clicks]
