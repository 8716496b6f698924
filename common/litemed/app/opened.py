# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The images that are open on the page, each with its session."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np

from litemed.app.drawing import cut, labels_png, slice_png
from litemed.app.drawings import Drawings
from litemed.images.overlay import parse_colour
from litemed.prompting.refining import Place, Prompt
from litemed.prompting.session import Session

__all__ = ["OpenImages", "Opened"]

_EDITS = "add_object remove_object rename_object colour draw remove undo redo replay cancel".split()


class Opened:
    """An image on the page. All methods may be called from several threads.

    Args:
        number: by which the page names it.
        name: of its file, see `litemed.app.folders.Folders`.
        session: on it.
        keep: called with what is drawn, after every change.
        is_again: whether objects are there that were drawn before the page was served.
    """

    def __init__(
        self,
        number: str,
        name: str,
        session: Session,
        keep: Callable[[dict[str, Any]], None] = lambda content: None,
        is_again: bool = False,
    ) -> None:
        self.number = number
        self.name = name
        self.session = session
        self._keep = keep
        self._is_again = is_again
        self._not_kept: str | None = None
        self._taken: deque[Any] = deque(maxlen=256)
        self._looked: dict[Place, Future[None]] = {}
        self._lock = threading.Lock()
        self._keep_lock = threading.Lock()

    # --- what the page is told -------------------------------------------------------------------------------------

    def about(self) -> dict[str, Any]:
        """What doesn't change: its slices, how its values were scaled and what it was opened with."""
        image = self.session.image
        return {
            "number": self.number,
            "name": self.name,
            "is_volume": image.is_volume,
            "planes": {plane: self._plane(plane) for plane in self.session.planes},
            "intensity": image.intensity,
            "shown": image.shown,
            "options": image.options,
            "spacing": image.spacing,
            "is_again": self._is_again,
            "state": self.state(),
        }

    def _plane(self, plane: str) -> dict[str, Any]:
        views = self.session.image.views
        depth, height, width = self.session.planes[plane].shape[:3]
        crossed = {}
        for other in views:
            if other != plane:
                side, first = views[plane].line(views[other].axis, 0)
                crossed["y" if side == 0 else "x"] = {"plane": other, "mirrored": first != 0}
        return {
            "depth": depth,
            "height": height,
            "width": width,
            "aspect": self.session.image.aspect(plane),
            "crossed": crossed,
        }

    def state(self, place: Place | None = None) -> dict[str, Any]:
        """What changes: objects and their prompts, what can be undone, and how far the background is.

        Args:
            place: the slice that is looked at, which is embedded if it isn't yet.
        """
        session = self.session
        drawn, colours = session.to_json()["objects"], session.colours
        return {
            "revision": session.revision,
            "objects": [{**each, "colour": colours.get(each["name"])} for each in drawn],
            "can_undo": session.can_undo,
            "can_redo": session.can_redo,
            "is_following": session.is_following,
            "progress": session.progress._asdict(),
            "trouble": session.trouble or self._not_kept,
            "has_changed": session.has_changed,
            "is_encoded": None if place is None else self._look(place),
        }

    def _look(self, place: Place) -> bool:
        """Whether a slice is embedded; if not it will be."""
        self._check(place)
        if self.session.is_encoded(place):
            return True
        with self._lock:
            self._looked = {each: future for each, future in self._looked.items() if not future.done()}
            if place not in self._looked:
                for future in self._looked.values():  # what was looked at before isn't urgent any more
                    future.cancel()
                self._looked[place] = self.session.encode(place)
        return False

    # --- pictures --------------------------------------------------------------------------------------------------

    def slice_png(
        self, place: Place, window: tuple[float, float], region: list[int] | None = None, factor: int = 1
    ) -> bytes:
        """A slice, or a part of it, see `litemed.app.drawing`."""
        self._check(place)
        return slice_png(cut(self.session.image.stored(place.plane, place.index), region), *window, factor)

    def labels_png(self, place: Place, region: list[int] | None = None, factor: int = 1) -> bytes:
        """The objects on a slice, or on a part of it."""
        self._check(place)
        colours = [parse_colour(colour) for colour in self.session.colours.values()]
        labels = self.session.slice_labels(place.plane, place.index)
        return labels_png(cut(labels, region), colours, factor)

    # --- what the page does ----------------------------------------------------------------------------------------

    def edit(self, action: str, given: Mapping[str, Any]) -> None:
        """Do what was done on the page.

        Args:
            action: one of those of `Session`, ``"draw"`` for a prompt as `litemed.prompting.Prompt.to_json` has it, or
                ``"colour"``.
            given: its arguments: ``name``, ``new``, ``number``, ``prompt``, ``colour`` and ``content``; and ``id``, by
                which an edit that was sent twice is taken once.

        Raises:
            ValueError: for another action or missing arguments, and as the session does.
        """
        session, number = self.session, given.get("id")
        with self._lock:
            if number is not None and number in self._taken:
                return
            self._taken.append(number)
        try:
            if action not in _EDITS:
                raise ValueError(f"expected an action of {', '.join(_EDITS)}, got {action!r}")
            if action == "draw":
                self._draw(str(given["name"]), Prompt.from_json(given["prompt"]), bool(given.get("is_new")))
            elif action in ("add_object", "remove_object"):
                getattr(session, action)(str(given["name"]))
            elif action == "rename_object":
                session.rename_object(str(given["name"]), str(given["new"]).strip())
            elif action == "colour":
                session.recolour(str(given["name"]), str(given["colour"]))
            elif action == "remove":
                session.remove(str(given["name"]), int(given["number"]))
            elif action == "replay":
                session.replay(given["content"])
            else:
                getattr(session, action)()
        except (KeyError, TypeError) as error:
            raise ValueError(f"a {action} lacks something: {error!r}") from error
        self.keep()

    def keep(self) -> None:
        """Keep what is drawn; where that fails the page is told."""
        with self._keep_lock:
            try:
                self._keep(self.session.to_json())
                self._not_kept = None
            except OSError as error:
                self._not_kept = f"What is drawn can't be kept on disk ({error}): save it before you leave."

    def _draw(self, name: str, prompt: Prompt, is_new: bool) -> None:
        if not is_new or name in self.session.objects:
            self.session.add(name, prompt)
            return
        self.session.add_object(name)
        try:
            self.session.add(name, prompt)
        except ValueError:
            self.session.undo()
            raise

    def _check(self, place: Place) -> None:
        planes = self.session.planes
        if place.plane not in planes or not 0 <= place.index < planes[place.plane].shape[0]:
            raise ValueError(f"there is no slice {place.plane} {place.index}")


class OpenImages:
    """The images that are open, by number. When there are too many, the one that was used longest ago makes room. What
    is drawn is kept, and is there when the same image is opened again, be it by another run.

    Args:
        network: gives the network of all sessions; called once.
        drawings: where what is drawn is kept.
        most: images open at a time.
    """

    def __init__(self, network: Callable[[], Any], drawings: Drawings, most: int = 4) -> None:
        self._network = network
        self._drawings = drawings
        self._most = most
        self._loaded: Any = None
        self._open: OrderedDict[str, Opened] = OrderedDict()
        self._before: dict[str, tuple[str, dict[str, Any]]] = {}  # by name, the last opening's key and options
        self._count = 0
        self._lock = threading.RLock()

    def open(self, name: str, path: Path, options: Mapping[str, Any]) -> Opened:
        """Open a file, or take the one that is open; with other options than before it is opened anew, and what was
        drawn is drawn again.

        Args:
            name: of the file on the page.
            path: of the file.
            options: of `litemed.prompting.SessionImage`, and ``zoom``, see `litemed.prompting.Session`.

        Raises:
            FileNotFoundError, ValueError: as the session does, and when what was drawn doesn't fit any more.
        """
        with self._lock:
            for opened in self._open.values():
                held = _options(opened.session)
                same = all(held[key] == value for key, value in options.items())
                if opened.name == name and same and not opened.session.has_changed:
                    self._open.move_to_end(opened.number)
                    return opened
            if self._loaded is None:
                self._loaded = self._network()
            for number in [number for number, opened in self._open.items() if opened.name == name]:
                self._close(number)
            before, known = self._before.get(name, ("", {}))
            chosen = {**known, **options}
            key = self._drawings.key(path, chosen)
            content = self._drawings.load(key)
            is_again = content is not None and not before
            if content is None and all(known.get(part) == chosen.get(part) for part in ("page", "series")):
                content = self._drawings.load(before)  # of what the file was before it changed
            session = Session(self._loaded, path, **{**({} if content is None else content["options"]), **chosen})
            if content is not None:
                try:
                    session.replay(content)
                except ValueError as error:
                    session.close()
                    self._before.pop(name, None)
                    self._drawings.put_aside(key)
                    raise ValueError(
                        f"{path.name} isn't what was drawn on any more ({error}): open it again"
                    ) from error
            self._count += 1
            used = _options(session).items()
            self._before[name] = key, {option: value for option, value in used if value is not None}
            opened = Opened(str(self._count), name, session, lambda drawn: self._drawings.keep(key, drawn), is_again)
            if content is not None:
                opened.keep()
            self._open[opened.number] = opened
            while len(self._open) > self._most:
                self._close(next(iter(self._open)))
            return opened

    def get(self, number: str) -> Opened:
        """An image that is open.

        Raises:
            FileNotFoundError: for one that isn't.
        """
        with self._lock:
            if number not in self._open:
                raise FileNotFoundError("this image isn't open any more: open it again from the list")
            self._open.move_to_end(number)
            return self._open[number]

    def close(self) -> None:
        """Close them all."""
        with self._lock:
            for number in list(self._open):
                self._close(number)

    def _close(self, number: str) -> None:
        self._open.pop(number).session.close()


def _options(session: Session) -> dict[str, Any]:
    return {**session.image.options, "zoom": session.zoom}


def window_of(values: tuple[float, float]) -> tuple[float, float]:
    """Black and white as given, in order and finite.

    Raises:
        ValueError: for other numbers.
    """
    low, high = values
    if not (np.isfinite([low, high]).all() and low < high):
        raise ValueError(f"expected a window from a lower to a higher value, got {low} to {high}")
    return low, high
