# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""An image, its embeddings kept, and objects that are outlined on it by boxes, clicks and strokes."""

from __future__ import annotations

import functools
import itertools
import os
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import numpy as np
import torch

from litemed.files import litemed_home
from litemed.images.boxes import mask_boxes
from litemed.images.overlay import colour_code, object_colour, parse_colour
from litemed.prompting.embedding_cache import EmbeddingCache
from litemed.prompting.embedding_store import EmbeddingStore, StoredEncoder, encoder_name, prune_embeddings
from litemed.prompting.following import LEAST, Cancelled, Follower
from litemed.prompting.refining import Found, Place, Prompt, PromptNetwork, Refiner, check_prompt
from litemed.prompting.session_image import SessionImage
from litemed.prompting.zoom import PlacedSquare, Window, Zoom, encode_window
from litemed.transforms.longest_side import LongestSide, Region

__all__ = ["Change", "Progress", "Session"]

_UNDONE = 1000
_PRUNED_AFTER = 100
"""Embeddings, of 2 MiB each on disk, by which the folder may exceed its bound while an image is open."""
_NOWHERE: Region = (slice(0, 0), slice(0, 0))


class Change(NamedTuple):
    """What an answer changed on the slices that bear prompts; those that are followed to change in the background.

    Attributes:
        objects: names of those whose prompts changed.
        regions: by slice, rows and columns beyond which it is as it was; without slices on which nothing changed.
    """

    objects: tuple[str, ...]
    regions: dict[Place, Region]


class Progress(NamedTuple):
    """Following objects through a volume.

    Attributes:
        done: slices.
        total: slices at most.
    """

    done: int
    total: int


_State = Mapping[str, tuple[Prompt, ...]]


class Session:
    """Outline objects of a picture or volume, with a network of the MedSAM-lite family.

    The image is embedded in the background; a prompt waits for its slice only. What was drawn is kept, not the masks:
    these follow from it, so that undoing and redoing are exact, and equal prompts give equal masks. In a volume an
    object is followed from the slices with prompts to the others, in the background, in the plane of its first prompt;
    slices with prompts, also in the other planes, stay as these say. All methods may be called from several threads.

    Args:
        network: in evaluation mode.
        image: path of a picture or volume, see `SessionImage`.
        folder: for embeddings, by encoder and content; None for one of the user, see `litemed.files.litemed_home`.
        capacity: embeddings held in memory, of 4 MiB each.
        disk: most bytes of the folder, of 2 MiB an embedding; what wasn't used for longest goes, at opening and closing
            and after every 100 embeddings.
        zoom: "auto" sees a small object with a box in a window around it, see `litemed.prompting.zoom.zoom_windows`;
            "off" all objects in the whole picture or slice.
        least: share of the predicted IoU below which an object that is followed has ended, see
            `litemed.prompting.following.LEAST`.
        options: of `SessionImage`.

    Attributes:
        image: the image.
        planes: its slices, see `SessionImage`.
        zoom: as given.
        revision: rises with every change of what is drawn or has been followed.

    Raises:
        FileNotFoundError, ValueError: as `SessionImage` does.

    Example:
        >>> with Session(network, "picture.png") as session:
        ...     session.add_object("lesion")
        ...     session.box("lesion", [40, 30, 120, 90])
        ...     session.click("lesion", 50, 80, positive=False)
        ...     mask = session.mask("lesion")
    """

    def __init__(
        self,
        network: PromptNetwork,
        image: str | os.PathLike[str],
        *,
        folder: str | os.PathLike[str] | None = None,
        capacity: int = 32,
        disk: int = 4 * 2**30,
        zoom: Zoom = "auto",
        least: float = LEAST,
        **options: Any,
    ) -> None:
        self.image = SessionImage(image, **options)
        self.planes = self.image.planes
        self.zoom = zoom
        self._file = _stamp(self.image.path)
        root = litemed_home() / "embeddings" if folder is None else Path(folder)
        self._prune = functools.partial(prune_embeddings, root, disk)
        self._prune()
        self._encoder = StoredEncoder(network, EmbeddingStore(root / encoder_name(network), known=network))
        self._embeddings = EmbeddingCache(self._embed, capacity)
        self._embedding_lock = threading.Lock()
        self._refiner = Refiner(network, self._embedding, self.geometry, zoom)
        self._follower = Follower(self._refiner, lambda plane: self.planes[plane].shape[0], least)
        self._lock = threading.RLock()
        self._state: _State = {}
        self._past: list[_State] = []
        self._undone: list[_State] = []
        self._colours: dict[str, str] = {}
        self._followed: dict[tuple[Prompt, ...], dict[int, Found]] = {}
        self._worker = ThreadPoolExecutor(1, "litemed-session")
        self._encoding = ThreadPoolExecutor(1, "litemed-encoding")
        self._numbers = itertools.count(1)
        self._wanted = 0
        self.revision = 0
        self._progress = Progress(0, 0)
        self._following: Future[None] | None = None
        plane, slices = next(iter(self.planes.items()))
        self.encode(Place(plane, slices.shape[0] // 2))

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop what runs in the background, and keep the folder of embeddings to its size."""
        self.cancel()
        self._encoding.shutdown(cancel_futures=True)
        self._worker.shutdown(cancel_futures=True)
        self._prune()

    # --- what is drawn ---------------------------------------------------------------------------------------------

    def add_object(self, name: str) -> None:
        """Begin an object.

        Raises:
            ValueError: for a name that is taken or empty.
        """
        with self._lock:
            _check_new(name, self._state)
            self._set({**self._state, name: ()})

    def remove_object(self, name: str) -> Change:
        """Remove an object with its prompts."""
        with self._lock:
            self._prompts_of(name)
            return self._set({other: prompts for other, prompts in self._state.items() if other != name})

    def rename_object(self, name: str, new: str) -> None:
        """Give an object another name; its number and colour stay.

        Raises:
            ValueError: for a name that is taken or empty.
        """
        with self._lock:
            self._prompts_of(name)
            _check_new(new, self._state)
            self._colours[new] = self.colours[name]
            self._set({new if other == name else other: prompts for other, prompts in self._state.items()})

    def recolour(self, name: str, colour: str) -> None:
        """Give an object another colour, such as ``"#56b4e9"``. It isn't a change that `undo` goes back by.

        Raises:
            ValueError: when there is no such object, or for another text.
        """
        parse_colour(colour)
        with self._lock:
            self._prompts_of(name)
            self._colours[name] = colour.lower()
            self.revision += 1

    def box(self, name: str, numbers: Sequence[float], plane: str | None = None, index: int = 0) -> Change:
        """Say where an object is: x0, y0, x1, y1. It takes the place of an earlier box on the same slice."""
        return self.add(name, Prompt("box", tuple(map(float, numbers)), True, self._plane(plane), index))

    def click(
        self, name: str, x: float, y: float, positive: bool = True, plane: str | None = None, index: int = 0
    ) -> Change:
        """Say that a pixel is on an object, or not."""
        return self.add(name, Prompt("click", (float(x), float(y)), positive, self._plane(plane), index))

    def stroke(
        self,
        name: str,
        path: Sequence[Sequence[float]],
        positive: bool = True,
        plane: str | None = None,
        index: int = 0,
    ) -> Change:
        """Say that the pixels along a stroke, x and y of each, are on an object, or not."""
        numbers = tuple(float(number) for pair in path for number in pair)
        return self.add(name, Prompt("stroke", numbers, positive, self._plane(plane), index))

    def add(self, name: str, prompt: Prompt) -> Change:
        """Add a prompt of an object, and answer it.

        Where the object was followed to the slice, the box of its mask there is added before its first click or stroke.

        Raises:
            ValueError: when there is no such object or slice, the prompt doesn't fit it (see
                `litemed.prompting.refining.check_prompt`), or the file has changed on disk.
        """
        with self._lock:
            prompts = self._prompts_of(name)
            self._check_file()
            *kept, checked = self._with(prompts, prompt)
            is_first = all(other.place != checked.place for other in prompts)
            if is_first and checked.kind != "box" and (box := self._box_of(name, checked.place)) is not None:
                kept.append(box)
            return self._set({**self._state, name: (*kept, checked)})

    def remove(self, name: str, number: int) -> Change:
        """Take back one of an object's prompts, by its number in `prompts`.

        Raises:
            ValueError: when there is no such object or prompt.
        """
        with self._lock:
            prompts = self._prompts_of(name)
            if not 0 <= number < len(prompts):
                raise ValueError(f"expected one of {len(prompts)} prompts of {name!r}, got {number}")
            kept = (*prompts[:number], *prompts[number + 1 :])
            return self._set({**self._state, name: kept})

    def undo(self) -> Change:
        """Go back by one change.

        Raises:
            ValueError: when there is none.
        """
        with self._lock:
            return self._turn(self._past, self._undone, "undo")

    def redo(self) -> Change:
        """Take back one `undo`.

        Raises:
            ValueError: when nothing was undone, or something was changed since.
        """
        with self._lock:
            return self._turn(self._undone, self._past, "redo")

    # --- what is read ----------------------------------------------------------------------------------------------

    @property
    def objects(self) -> tuple[str, ...]:
        """Names of the objects, in the order of their labels."""
        with self._lock:
            return tuple(self._state)

    def prompts(self, name: str) -> tuple[Prompt, ...]:
        """What was drawn of an object.

        Raises:
            ValueError: when there is no such object.
        """
        with self._lock:
            return self._prompts_of(name)

    @property
    def colours(self) -> dict[str, str]:
        """Colours of the objects by name, such as ``"#56b4e9"``.

        As chosen; else that of its number in `litemed.images.overlay.object_colour`, or the first there that no object
        has had.
        """
        with self._lock:
            for number, name in enumerate(self._state, start=1):
                if name not in self._colours:
                    taken = set(self._colours.values())
                    numbers = (number, *range(1, len(taken) + 2))
                    free = (_colour(each) for each in numbers if _colour(each) not in taken)
                    self._colours[name] = next(free, _colour(number))
            return {name: self._colours[name] for name in self._state}

    @property
    def has_changed(self) -> bool:
        """Whether the file has changed on disk since it was opened, or is gone."""
        try:
            return _stamp(self.image.path) != self._file
        except FileNotFoundError:
            return True

    @property
    def can_undo(self) -> bool:
        """Whether there is a change to go back by."""
        return bool(self._past)

    @property
    def can_redo(self) -> bool:
        """Whether an `undo` can be taken back."""
        return bool(self._undone)

    def slice_mask(self, name: str, plane: str | None = None, index: int = 0) -> np.ndarray:
        """An object on a slice, ``(H, W)`` bool, as far as it has been followed."""
        return self._painted(self._found(self.prompts(name)), Place(self._plane(plane), index)) > -np.inf

    def slice_labels(self, plane: str | None = None, index: int = 0) -> np.ndarray:
        """A slice ``(H, W)`` of `labels`, as far as objects have been followed."""
        place = Place(self._plane(plane), index)
        with self._lock:
            drawn = list(self._state.values())
        return self._numbered([self._found(prompts) for prompts in drawn], place)

    def mask(self, name: str) -> np.ndarray:
        """An object, bool in the image's own axes: ``(H, W)`` of a picture, x, y, z of a volume's file.

        In a volume as far as it has been followed; see `wait`.
        """
        mask = self._label_map({name: self.prompts(name)}) > 0
        return mask if self.image.is_volume else mask[..., 0].T

    def labels(self) -> np.ndarray:
        """All objects, numbered from 1 in their order, in the axes of `mask`.

        Where two overlap, the one of higher probability has the pixel, and the earlier one on a tie.
        """
        labels = self._label_map(self._state)
        return labels if self.image.is_volume else labels[..., 0].T

    def save(self, output_dir: str | os.PathLike[str]) -> Path:
        """Wait for what is followed, and write `labels` in the image's format and geometry, whole or not at all.

        What was cancelled is followed to its end first, so that the masks are those of the prompts.

        Returns:
            the file, ``<stem>_mask.*``.

        Raises:
            ValueError: when the file has changed on disk, its format doesn't hold so many objects, or following is
                cancelled meanwhile.
        """
        self.wait()
        with self._lock:
            if not self._is_followed:
                self._begin_following()
        self.wait()
        if not self._is_followed and not self.is_following:
            raise ValueError(f"{self.image.path.name} isn't saved: following its objects was stopped meanwhile")
        self._check_file()
        return self.image.write(output_dir, self._label_map(self._state))

    def table(self) -> list[dict[str, Any]]:
        """The objects of `labels`, a row each.

        Returns:
            ``label``, ``name``, ``pixels`` or ``voxels``, where their size is known ``area_mm2`` or ``volume_mm3``, and
            ``prompts``, their number.
        """
        with self._lock:
            state = self._state
        counts = np.zeros(len(state) + 1, np.int64)
        for _, labels in self._label_slices(state):
            counts += np.bincount(labels.ravel(), minlength=len(counts))
        unit, measure = ("voxels", "volume_mm3") if self.image.is_volume else ("pixels", "area_mm2")
        rows = []
        for label, (name, prompts) in enumerate(state.items(), start=1):
            row: dict[str, Any] = {"label": label, "name": name, unit: int(counts[label])}
            if self.image.pixel_size is not None:
                row[measure] = round(int(counts[label]) * self.image.pixel_size, 4)
            rows.append({**row, "prompts": len(prompts)})
        return rows

    def to_json(self) -> dict[str, Any]:
        """What was drawn, as plain values, for `replay`, and how the image was opened.

        Of an object ``colour`` is told where it isn't that of its number in `litemed.images.overlay.object_colour`.
        """
        options = {**self.image.options, "zoom": None if self.zoom == "auto" else self.zoom}
        with self._lock:
            colours = self.colours
            other = {
                name: {"colour": colours[name]}
                for number, name in enumerate(colours, 1)
                if colours[name] != _colour(number)
            }
            return {
                "version": 1,
                "image": self.image.path.name,
                "options": {name: value for name, value in options.items() if value is not None},
                "objects": [
                    {"name": name, **other.get(name, {}), "prompts": [prompt.to_json() for prompt in prompts]}
                    for name, prompts in self._state.items()
                ],
            }

    def replay(self, content: Mapping[str, Any]) -> Change:
        """Draw what a session of this image told by `to_json`, in place of what is there: its prompts and no others.

        Raises:
            ValueError: for other content, prompts that don't fit, or when the file has changed on disk; what was there
                stays.
        """
        try:
            drawn = [(str(each["name"]), list(map(Prompt.from_json, each["prompts"]))) for each in content["objects"]]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ValueError(f"expected objects with names and prompts, as a session writes them: {error!r}") from error
        state: dict[str, tuple[Prompt, ...]] = {}
        for name, prompts in drawn:
            _check_new(name, state)
            state[name] = functools.reduce(self._with, prompts, ())
        colours = {}
        for number, (name, each) in enumerate(zip(state, content["objects"], strict=True), start=1):
            colours[name] = str(each.get("colour", _colour(number))).lower()
            parse_colour(colours[name])
        with self._lock:
            self._check_file()
            change = self._set(state)
            self._colours |= colours
        return change

    # --- what runs in the background -------------------------------------------------------------------------------

    def encode(self, *places: Place) -> Future[None]:
        """Embed slices in the background, such as those that are looked at, so that prompts on them needn't wait.

        Objects may be followed meanwhile: single slices are embedded in turn.
        """

        def run() -> None:
            for place in places:
                self._embedding(place, self._whole(place.plane))

        return self._encoding.submit(run)

    def is_encoded(self, place: Place) -> bool:
        """Whether prompts on a slice needn't wait for its embedding."""
        return (place, self._whole(place.plane)) in self._embeddings

    @property
    def progress(self) -> Progress:
        """How far objects have been followed; all is done where the two are equal."""
        return self._progress

    @property
    def is_following(self) -> bool:
        """Whether objects are being followed, or are about to be."""
        return self._following is not None and not self._following.done()

    @property
    def trouble(self) -> str | None:
        """Why objects couldn't be followed to the end: a slice that can't be decoded, say."""
        done = self._following is not None and self._following.done() and not self._following.cancelled()
        error = self._following.exception() if done and self._following is not None else None
        return None if error is None else str(error) or type(error).__name__

    def wait(self, timeout: float | None = None) -> None:
        """Wait until objects have been followed, or following was cancelled.

        Raises:
            TimeoutError: when it takes longer.
        """
        following = None
        while following is not self._following:
            following = self._following
            if following is not None:
                following.result(timeout)

    def cancel(self) -> None:
        """Stop following objects; the next prompt takes it up again, and so does `save`."""
        self._wanted = next(self._numbers)

    @property
    def _is_followed(self) -> bool:
        return self._progress.done == self._progress.total

    def _begin_following(self) -> None:
        self.cancel()
        self._following = self._worker.submit(self._follow, self._wanted, self._state)

    def _follow(self, wanted: int, state: _State) -> None:
        own = {name: prompts for name, prompts in state.items() if prompts}
        segments = [(prompts, each) for prompts in own.values() for each in self._follower.segments(prompts)]
        total = sum(abs(each.end - each.prompts[0].index) - 1 for _, each in segments)
        done = 0
        self._progress = Progress(0, total)
        for prompts, segment in segments:

            def seen(index: int, found: Found, prompts: tuple[Prompt, ...] = prompts) -> None:
                nonlocal done
                done += 1
                self._progress = Progress(done, total)
                with self._lock:
                    self._followed.setdefault(prompts, {})[index] = found
                    self.revision += 1
                if wanted != self._wanted:
                    raise Cancelled

            try:
                self._follower.follow(segment, seen)
            except Cancelled:
                return
        with self._lock:
            near = (self._state, *self._past[-8:], *self._undone[-8:])
            kept = {prompts for each in near for prompts in each.values()}
            self._followed = {prompts: masks for prompts, masks in self._followed.items() if prompts in kept}
            if wanted == self._wanted:
                self._progress = Progress(total, total)

    # --- inner parts -----------------------------------------------------------------------------------------------

    def geometry(self, plane: str) -> LongestSide:
        """How slices of a plane lie in the network's square."""
        return LongestSide(*self.planes[plane].shape[1:3])

    def _whole(self, plane: str) -> Window:
        return PlacedSquare.whole(self.geometry(plane)).window

    def _embedding(self, place: Place, window: Window) -> torch.Tensor:
        held = self._embeddings.get((place, window))
        if held is not None:
            return held
        with self._embedding_lock:
            return self._embeddings[place, window]

    def _embed(self, key: Any) -> torch.Tensor:
        place, window = key
        image = np.asarray(self.planes[place.plane][place.index])
        embedding = encode_window(self._encoder, image, window)
        if self._embeddings.encoded % _PRUNED_AFTER == _PRUNED_AFTER - 1:
            self._prune()
        return embedding

    def _plane(self, plane: str | None) -> str:
        return next(iter(self.planes)) if plane is None else plane

    def _prompts_of(self, name: str) -> tuple[Prompt, ...]:
        if name not in self._state:
            raise ValueError(f"there is no object {name!r}: it was removed, or never added")
        return self._state[name]

    def _with(self, prompts: Sequence[Prompt], prompt: Prompt) -> tuple[Prompt, ...]:
        """An object's prompts and one more, which is checked; a box takes the place of the one on its slice."""
        if prompt.plane not in self.planes or not 0 <= prompt.index < self.planes[prompt.plane].shape[0]:
            depths = ", ".join(f"{plane} 0 to {slices.shape[0] - 1}" for plane, slices in self.planes.items())
            raise ValueError(f"expected a slice of {depths}, got {prompt.plane} {prompt.index}")
        height, width = self.planes[prompt.plane].shape[1:3]
        checked = check_prompt(prompt, (width, height), [other for other in prompts if other.place == prompt.place])
        is_box = checked.kind == "box"
        kept = (other for other in prompts if not (is_box and other.kind == "box" and other.place == checked.place))
        return *kept, checked

    def _box_of(self, name: str, place: Place) -> Prompt | None:
        """The box of an object on a slice that it was followed to."""
        mask = self.slice_mask(name, place.plane, place.index)
        if not mask.any():
            return None
        (box,), _ = mask_boxes(mask.astype(np.uint8))
        return Prompt("box", tuple(map(float, box)), True, place.plane, place.index)

    def _check_file(self) -> None:
        if self.has_changed:
            raise ValueError(f"{self.image.path} has changed on disk since it was opened: open it anew")

    def _found(self, prompts: tuple[Prompt, ...]) -> dict[Place, Found]:
        """An object's masks by slice; where two cross, the later one says what is there."""
        with self._lock:
            followed = self._followed.get(prompts, {}).items()
            found = {Place(prompts[0].plane, index): each for index, each in followed}
        for place in dict.fromkeys(prompt.place for prompt in prompts):
            found.pop(place, None)
            found[place] = self._refiner.answer([prompt for prompt in prompts if prompt.place == place])
        return found

    def _painted(self, found: Mapping[Place, Found], place: Place) -> np.ndarray:
        """Logits ``(H, W)`` of an object on a slice; -inf beside it."""
        logits = np.full(self.planes[place.plane].shape[1:3], -np.inf, np.float16)
        for other, each in found.items():
            if other.plane != place.plane:
                self._paint_line(logits, place, other, each)
            elif other.index == place.index:
                logits[:] = -np.inf
                logits[each.region] = each.logits
        return logits

    def _paint_line(self, logits: np.ndarray, place: Place, other: Place, found: Found) -> None:
        """Paint onto a slice where one of another plane crosses it."""
        views = self.image.views
        source, target = views[other.plane], views[place.plane]
        across, position = source.line(target.axis, place.index)
        values = np.full(source.shape[2 - across], -np.inf, np.float16)
        crossed, along = found.region[across], found.region[1 - across]
        if crossed.start <= position < crossed.stop:
            values[along] = found.logits.take(position - crossed.start, across)
        side, number = target.line(source.axis, other.index)
        logits[(number, slice(None)) if side == 0 else (slice(None), number)] = values

    def _numbered(self, objects: Iterable[Mapping[Place, Found]], place: Place) -> np.ndarray:
        """The number, from 1, of the object of highest logits at each pixel of a slice; 0 where all are -inf."""
        shape = self.planes[place.plane].shape[1:3]
        labels, best = np.zeros(shape, np.uint16), np.full(shape, -np.inf, np.float16)
        for number, found in enumerate(objects, start=1):
            logits = self._painted(found, place)
            won = logits > best
            np.copyto(labels, number, where=won)
            np.copyto(best, logits, where=won)
        return labels

    def _label_slices(self, state: _State) -> Iterator[tuple[Place, np.ndarray]]:
        """The slices of the first plane that an object is on, as `slice_labels` has them."""
        plane = self._plane(None)
        drawn = [self._found(prompts) for prompts in state.values()]
        masks = [(place, each) for found in drawn for place, each in found.items()]
        reached = {index for place, each in masks for index in self._reach(plane, place, each)}
        for place in (Place(plane, index) for index in sorted(reached)):
            yield place, self._numbered(drawn, place)

    def _reach(self, plane: str, place: Place, found: Found) -> Iterable[int]:
        """The slices of a plane that a mask on a slice, be it of another plane, reaches to."""
        if place.plane == plane:
            return [place.index]
        view, axis = self.image.views[place.plane], self.image.views[plane].axis
        lines = (view.line(axis, index) for index in range(self.planes[plane].shape[0]))
        regions = found.region
        return [k for k, (across, line) in enumerate(lines) if regions[across].start <= line < regions[across].stop]

    def _label_map(self, state: _State) -> np.ndarray:
        """In the image's own axes, three of them; memory of slices without an object isn't touched."""
        labels = np.zeros(self.image.own_shape, np.uint16, order="F")
        seen = self.image.seen_in(self._plane(None), labels)
        for place, numbered in self._label_slices(state):
            seen[place.index] = numbered
        return labels

    def _turn(self, source: list[_State], target: list[_State], name: str) -> Change:
        if not source:
            raise ValueError(f"there is nothing to {name}")
        now = self._state
        change = self._show(source[-1])
        source.pop()
        target.append(now)
        return change

    def _set(self, state: _State) -> Change:
        now = self._state
        change = self._show(state)
        self._past, self._undone = [*self._past[-_UNDONE:], now], []
        return change

    def _show(self, after: _State) -> Change:
        """Make a state the present one, and say what that changed; where an answer fails nothing is changed."""
        before = self._state
        names = [name for name in {**before, **after} if before.get(name, ()) != after.get(name, ())]
        regions: dict[Place, Region] = {}
        for name in names:
            own = [state.get(name, ()) for state in (before, after)]
            for place in dict.fromkeys(prompt.place for prompts in own for prompt in prompts):
                here = [[prompt for prompt in prompts if prompt.place == place] for prompts in own]
                if here[0] != here[1]:
                    changed = _difference(*(self._refiner.answer(prompts) if prompts else None for prompts in here))
                    regions[place] = _joined(regions.get(place, _NOWHERE), changed)
        regions = {place: region for place, region in regions.items() if region != _NOWHERE}
        self._state = after
        self.revision += 1
        if self.image.is_volume:
            self._begin_following()
        return Change(tuple(names), regions)


def _colour(number: int) -> str:
    return colour_code(object_colour(number))


def _check_new(name: str, state: _State) -> None:
    if not name or name in state:
        raise ValueError(f"expected the name of a new object, got {name!r}")


def _stamp(path: Path) -> tuple[int, int]:
    stat = path.stat()
    return stat.st_mtime_ns, stat.st_size


def _difference(before: Found | None, after: Found | None) -> Region:
    """Rows and columns beyond which two masks of a slice agree."""
    regions = [found.region for found in (before, after) if found is not None]
    span = _joined(*regions, _NOWHERE)
    masks = []
    for found in (before, after):
        mask = np.zeros([part.stop - part.start for part in span], bool)
        if found is not None and found.logits.size:
            place = tuple(slice(a.start - b.start, a.stop - b.start) for a, b in zip(found.region, span, strict=True))
            mask[place] = found.logits > -np.inf
        masks.append(mask)
    different = masks[0] ^ masks[1]
    rows, columns = np.flatnonzero(different.any(axis=1)), np.flatnonzero(different.any(axis=0))
    if not len(rows):
        return _NOWHERE
    top, left = (part.start for part in span)
    return slice(top + int(rows[0]), top + int(rows[-1]) + 1), slice(
        left + int(columns[0]), left + int(columns[-1]) + 1
    )


def _joined(*regions: Region) -> Region:
    """The smallest region around others, of which those without a pixel don't count."""
    held = [region for region in regions if all(part.stop > part.start for part in region)]
    if not held:
        return _NOWHERE
    rows, columns = (
        slice(min(part.start for part in parts), max(part.stop for part in parts)) for parts in zip(*held, strict=True)
    )
    return rows, columns
