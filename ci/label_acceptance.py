#!/usr/bin/env python3
# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Serve the packed bundles by a real MONAI Label server, and ask it over HTTP as a client such as 3D Slicer does.

    python ci/label_acceptance.py [--bundles NAME,NAME] [--folder FOLDER]

For each bundle: `/info/` lists it with its labels and dimension; `/infer/` gives the mask that
``python -m monai.bundle run`` gives, pixel by pixel, and for a bundle that takes boxes does so for a box, a region of
interest and clicks, in a picture and in a volume (one that takes clicks as such gives the masks of a prompting
session); so do a session of the server and `/batch/infer/`; `/train/` runs an epoch on labels that were handed in,
after which masks are those of the new weights. Bad requests are refused by a sentence, and while a mask is made the
server answers others. The applications of a bundle are served each as a bundle of its own, such as ``mininet_nuclei``.
A bundle without weights is left out and listed, unless it was asked for by name.

The first run installs the server's environment in the folder, a few gigabytes.
"""

from __future__ import annotations

import io
import json
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import fire
import itk
import nibabel
import numpy as np
from label_server import CHECKOUT, Failure, Server, add_bundle, install, run
from litemed.bundles import metadata_of
from litemed.files import litemed_home, only_writer
from litemed.prompting import Session
from litemed.tools.prompted import clicked, session_network
from litemed.tools.workflows import open_workflow
from litemed.training.checkpoints import read_checkpoint
from monai.transforms import Compose
from newcomer import sixth_bundle
from PIL import Image

SIXTH = "sixth_bundle"
"""A new bundle, made by ``litemed new`` from pictures of mixed sizes."""
SMART = "_deepgrow"
"""End of the names under which the bundles that take boxes are listed a second time."""

APPLICATIONS = {"mininet_nuclei": ("mininet", "nuclei"), "mininet_skin": ("mininet", "skin")}
"""What is packed from a bundle for one of its applications: name, bundle and application."""

TRAINED_ON = 4
"""Labelled images a bundle is trained on; a quarter of them is for validation."""


class Row(NamedTuple):
    """A line of the table."""

    bundle: str
    check: str
    result: str
    seconds: float = 0.0


@dataclass(frozen=True)
class Source:
    """A bundle to serve: its name in the server, its folder, and options of the training that has its pictures."""

    name: str
    folder: Path
    options: Mapping[str, Any] = field(default_factory=dict)

    def add(self, home: Path) -> Path:
        """Pack it and unzip it in the server's app; gives its folder there."""
        version = metadata_of(self.folder)["version"]
        return add_bundle(home, self.folder, version, takes_boxes(self.folder), self.options.get("application", ""))


@dataclass(frozen=True)
class Case:
    """An image with its label, and for bundles that take boxes the one around the object: first and last pixel."""

    image: Path
    label: Path
    box: tuple[int, ...] | None = None

    @property
    def id(self) -> str:
        """The name that the server gives it."""
        return self.image.name.split(".")[0]

    @property
    def suffix(self) -> str:
        """Format to ask for its mask in: PNG for a picture, for a volume what 3D Slicer asks for."""
        return ".png" if self.image.suffix == ".png" else ".nrrd"


def table(rows: Sequence[Row]) -> str:
    """The rows as a Markdown table with columns of equal width."""
    cells = [["bundle", "check", "result", "s"]]
    cells += [[row.bundle, row.check, row.result, f"{row.seconds:.0f}" if row.seconds else ""] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    cells.insert(1, ["-" * width for width in widths])
    return "\n".join("| " + " | ".join(map(str.ljust, line, widths)) + " |" for line in cells)


def difference(mask: np.ndarray, expected: np.ndarray) -> str | None:
    """What keeps a mask from being the expected one, pixel by pixel; None when nothing does.

    An expected mask that is empty shows nothing, and is a difference too.
    """
    if mask.shape != expected.shape:
        return f"a mask of shape {mask.shape}, expected {expected.shape}"
    if not expected.any():
        return "the expected mask is empty: choose another image"
    wrong = int((mask != expected).sum())
    return f"{wrong} of {mask.size} pixels differ" if wrong else None


def read_mask(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """A mask of any format with the axes of its file, and where it lies: direction, spacing and origin as one array.

    Raises:
        Failure: when it can't be read.
    """
    try:
        image = itk.imread(str(path))
    except RuntimeError as error:
        raise Failure(f"{path.name} can't be read: {error}") from error
    place = [
        itk.array_from_matrix(image.GetDirection()).ravel(),
        *map(np.asarray, (image.GetSpacing(), image.GetOrigin())),
    ]
    return itk.array_from_image(image), np.concatenate(place)


def require_equal(mask: Path, expected: Path) -> None:
    """Compare two files of masks.

    Raises:
        Failure: when they differ in a pixel or in where they lie.
    """
    (pixels, place), (expected_pixels, expected_place) = read_mask(mask), read_mask(expected)
    why = difference(pixels, expected_pixels)
    if why is None and not np.allclose(place, expected_place, atol=1e-4):
        why = f"it lies at {np.round(place, 3).tolist()}, expected {np.round(expected_place, 3).tolist()}"
    if why:
        raise Failure(f"the server's mask isn't that of monai.bundle run: {why}")


def expected_info(metadata: dict[str, Any]) -> dict[str, Any]:
    """What ``/info/`` is to say of a bundle with this metadata."""
    image, pred = (next(iter(metadata["network_data_format"][key].values())) for key in ("inputs", "outputs"))
    names = {name.lower(): int(value) for value, name in pred["channel_def"].items()}
    return {
        "type": "segmentation",
        "labels": {name: value for name, value in names.items() if name != "background"},
        "dimension": len(image["spatial_shape"]),
        "version": metadata["version"],
    }


def missing(bundle: Path) -> str | None:
    """What a bundle lacks to be served, or None."""
    needed = {
        "configs/inference.json": "configuration",
        "configs/metadata.json": "metadata",
        "models/model.pt": "weights",
    }
    for file, name in needed.items():
        if not (bundle / file).is_file():
            return f"no {name}: {bundle.name}/{file} isn't there"
    return None


def takes_boxes(bundle: Path) -> bool:
    """Whether a bundle segments what is in boxes."""
    return "boxes" in json.loads((bundle / "configs/inference.json").read_text())


def sample_cases(source: Source, studies: Path, labels: Path) -> list[Case]:
    """Pictures of a bundle's own sample, or of the folder that its options name, with their labels, as PNG files."""
    parser = open_workflow(source.folder, "train", source.options, "train").parser
    load_label = Compose(parser.get_parsed_content("label_transforms"))
    cases = []
    for number, item in enumerate(parser.get_parsed_content("train#dataset#data")[:TRAINED_ON]):
        case = Case(studies / f"{source.name}_{number}.png", labels / f"{source.name}_{number}.png")
        with Image.open(item["image"]) as picture:
            picture.convert("RGB").save(case.image)
        values = load_label({"label": item["label"]})["label"]
        Image.fromarray(np.asarray(values[0], dtype=np.uint8).T).save(case.label)
        cases.append(case)
    return cases


def prompted_cases(studies: Path, labels: Path) -> list[Case]:
    """Grey pictures of a bright ellipse, and last a volume of an ellipsoid, stored with turned axes."""
    rng = np.random.default_rng(0)
    cases = []
    for number in range(TRAINED_ON):
        mask, box = ellipsoid((160, 120), (60 + 8 * number, 50 + 5 * number), (30, 22))
        case = Case(studies / f"ellipse_{number}.png", labels / f"ellipse_{number}.png", box)
        Image.fromarray(np.clip(rng.normal(60 + 110 * mask, 12), 0, 255).astype(np.uint8).T).save(case.image)
        Image.fromarray(mask.astype(np.uint8).T).save(case.label)
        cases.append(case)
    mask, box = ellipsoid((64, 56, 8), (30, 26, 4), (16, 12, 2.5))
    case = Case(studies / "ellipsoid.nii.gz", labels / "ellipsoid.nii.gz", box)
    affine = np.array([[0, -0.9, 0, 20], [0.8, 0, 0, -30], [0, 0, 2.5, 5], [0, 0, 0, 1]])
    voxels = np.clip(rng.normal(60 + 110 * mask, 12), 0, 255)
    nibabel.save(nibabel.Nifti1Image(voxels.astype(np.int16), affine), case.image)
    nibabel.save(nibabel.Nifti1Image(mask.astype(np.uint8), affine), case.label)
    return [*cases, case]


def ellipsoid(
    shape: Sequence[int], centre: Sequence[float], radii: Sequence[float]
) -> tuple[np.ndarray, tuple[int, ...]]:
    """A bool mask with the axes x, y(, z), and its box: the first pixel on each axis, then the last."""
    axes = np.ogrid[tuple(slice(side) for side in shape)]
    mask = sum(((x - c) / r) ** 2 for x, c, r in zip(axes, centre, radii, strict=True)) <= 1
    places = np.nonzero(mask)
    return mask, (*(int(axis.min()) for axis in places), *(int(axis.max()) for axis in places))


def prompts(box: Sequence[int]) -> dict[str, dict[str, Any]]:
    """Requests that mean a box: the box itself; and as 3D Slicer sends them, with a z in pictures too, a region of
    interest, and clicks on two of the box's opposite corners.
    """
    dims = len(box) // 2
    low, high = ([*corner, 0][:3] for corner in (box[:dims], box[dims:]))
    region = [value for pair in zip(low, high, strict=True) for value in pair]
    return {
        "box": {"boxes": [list(box)]},
        "region": {"roi": region},
        "clicks": {"foreground": [low, high], "background": []},
    }


class Acceptance:
    """The checks of one bundle in a server; each gives a row.

    Args:
        server: which serves it.
        folder: where the server was installed.
        place: the bundle's folder in its app.
        cases: images of the studies; training takes all of them.
        scratch: folder for masks.
        pool: runs ``python -m monai.bundle run`` meanwhile.
    """

    def __init__(
        self, server: Server, folder: Path, place: Path, cases: list[Case], scratch: Path, pool: Executor
    ) -> None:
        self.server = server
        self.python = folder / "environment/bin/python"
        self.place = place
        self.name = place.name
        self.cases = cases
        self.scratch = scratch
        self.weights = place / "models/model.pt"
        self.keeps_clicks = bool(metadata_of(place)["litemed"].get("sessions"))
        self._pool = pool
        self._runs: dict[Case, Future[Path]] = {}
        self._masks: dict[Case, Path] = {}
        self._count = 0
        self._asked = {"picture": cases[0]} if cases[0].box is None else {"picture": cases[0], "volume": cases[-1]}
        for case in self._asked.values():
            self._start_run(case, "shipped")

    def _start_run(self, case: Case, weights: str) -> None:
        """Have ``python -m monai.bundle run`` write the mask of an image by the weights that are there now."""
        output = self.scratch / f"{self.name}_{weights}"
        command = [str(self.python), "-W", "ignore", "-m", "monai.bundle", "run"]
        command += ["--config_file", str(self.place / "configs/inference.json")]
        command += ["--dataset_dir", str(case.image), "--output_dir", str(output)]
        command += ["--boxes", str([list(case.box)])] if case.box else []

        def write() -> Path:
            run(command, f"running {self.name}", cwd=self.scratch)
            beside = (".ctbl", ".label")  # names and colours
            found = [file for file in output.glob(f"{case.id}_mask.*") if file.suffix not in beside]
            if len(found) != 1:
                raise Failure(f"monai.bundle run wrote {sorted(path.name for path in output.iterdir())}, not one mask")
            return found[0]

        self._runs[case] = self._pool.submit(write)

    def served(self) -> Iterator[Row]:
        """Check the list, the masks and the training; one that fails doesn't keep the next from being made."""
        yield self._row("listed", self._listed)
        for kind, case in self._asked.items():
            if case.box is None:
                yield self._row(f"mask of a {kind}", partial(self._compare, case, {}))
                continue
            for name, params in prompts(case.box).items():
                model = self.name if name == "box" else self.name + SMART
                if name != "clicks" or not self.keeps_clicks:
                    yield self._row(f"mask of a {kind} by {name}", partial(self._compare, case, params, model))
            if self.keeps_clicks:
                fresh = self.cases[1] if kind == "picture" else case  # one that the server has no embedding of
                yield self._row(f"masks of a {kind} by one click and two", partial(self._click, fresh))
        yield self._row("mask of a session", self._use_session)
        yield self._row("mask of a batch", self._infer_batch)
        yield self._row("bad requests are refused", self._refuse)
        yield self._row("bad archives are refused", self._refuse_archives)
        yield self._row("answers while a mask is made", self._answer_meanwhile)
        yield self._row("training changes the weights", self._train)

    def trained(self) -> Iterator[Row]:
        """Check the masks after the training."""
        for kind, case in self._asked.items():
            yield self._row(f"mask of a {kind} after it", partial(self._compare_trained, case))

    def _row(self, check: str, function: Callable[[], object]) -> Row:
        start = time.monotonic()
        try:
            function()
            result = "passed"
        except Failure as error:
            result = f"FAILED: {str(error).splitlines()[0]}"
            print(f"{self.name}, {check}: {error}", file=sys.stderr, flush=True)
        row = Row(self.name, check, result, time.monotonic() - start)
        print(f"{row.bundle}: {row.check}: {row.result} ({row.seconds:.0f} s)", flush=True)
        return row

    def _listed(self) -> None:
        info = self.server.info()
        expected = expected_info(json.loads((self.place / "configs/metadata.json").read_text()))
        models = {self.name: expected}
        if "volume" in self._asked:
            models[self.name + SMART] = {**expected, "type": "deepgrow"}
        if "volume" in self._asked and "pictures and volumes" not in info["models"][self.name]["description"]:
            raise Failure("/info/ doesn't say that it takes pictures and volumes")
        for model, values in models.items():
            if model not in info["models"] or model not in info["trainers"]:
                raise Failure(f"/info/ lists the models {list(info['models'])}, the trainers {list(info['trainers'])}")
            for key, value in values.items():
                said = info["models"][model].get(key)
                if said != value:
                    raise Failure(f"/info/ has {model}'s {key} as {said!r}, expected {value!r}")

    def _compare(self, case: Case, params: dict[str, Any], model: str = "") -> None:
        self._count += 1
        target = self.scratch / f"{self.name}_{self._count}{case.suffix}"
        self._masks[case] = self.server.infer(model or self.name, case.id, params, target)
        require_equal(self._masks[case], self._runs[case].result())

    def _click(self, case: Case) -> None:
        """Ask by one click and by two, for the masks of a session; a volume's slice is compared."""
        assert case.box is not None
        dims = len(case.box) // 2
        low, high = np.array(case.box[:dims]), np.array(case.box[dims:])
        on, off = ((low + high) // 2).tolist(), low.tolist()
        off[2:] = on[2:]
        seconds = []
        with Session(session_network(self.name), case.image) as session:
            for background in ([], [off]):
                self._count += 1
                target = self.scratch / f"{self.name}_{self._count}{case.suffix}"
                start = time.monotonic()
                params = {"foreground": [on], "background": background}
                mask, _ = read_mask(self.server.infer(self.name + SMART, case.id, params, target))
                seconds.append(time.monotonic() - start)
                session.replay({"objects": []})
                clicked(session, [on], background)
                expected = session.mask("object")
                if dims == 3:
                    mask, expected = mask.T[..., on[2]], expected[..., on[2]]
                if not np.array_equal(mask.astype(bool), expected):  # which may be empty after a single click
                    wrong = int((mask.astype(bool) != expected).sum())
                    raise Failure(f"the server's mask of {params} isn't that of a session: {wrong} pixels differ")
        print(f"{case.id}: {seconds[0]:.2f} s for the first click, {seconds[1]:.2f} s for the second", flush=True)

    def _refuse(self) -> None:
        image = self.cases[0].id
        on_server = str(self.cases[0].image)
        bad: list[tuple[str, dict[str, str], Any, bytes | None]] = [
            ("no image 'nowhere' among the studies", {"image": "nowhere"}, {}, None),
            ("is a path", {"image": on_server}, {}, None),
            ("image is no option", {"image": image}, {"image": image}, None),
            ("is a path", {"image": image}, {"model_filename": "../../other/model.pt"}, None),
            ("has no weights", {"image": image}, {"model_filename": "other.pt"}, None),
            ("expected an image", {}, {}, None),
            ("params isn't JSON", {"image": image}, "{", None),
            ("expected options by name", {"image": image}, "[1]", None),
            ("no device 'abacus'", {"image": image}, {"device": "abacus"}, None),
            ("there is no session", {"session_id": "none"}, {}, None),
            ("", {}, {}, b"no picture"),
        ]
        if self.cases[0].box:
            bad += [
                ("expected a prompt", {"image": image}, {}, None),
                ("expected boxes of numbers", {"image": image}, {"boxes": [[1, 2, "x", 4]]}, None),
                ("is a path", {"image": image}, {"boxes": on_server}, None),
                ("numbers under 'roi'", {"image": image}, {"roi": [1, 2]}, None),
                ("clicks", {"image": image}, {"foreground": [["a", 2, 0]]}, None),
            ]
        others = [path.name for path in self.weights.parent.glob("model_*.pt")] if self.name == "mininet" else []
        bad += [
            ("expected weights of MiniNet for vessels", {"image": image}, {"model_filename": other}, None)
            for other in others
            if other in ("model_nuclei.pt", "model_skin.pt")
        ]
        for words, address, options, file in bad:
            form = {"params": (None, options if isinstance(options, str) else json.dumps(options))}
            form |= {"file": ("upload.png", file)} if file else {}
            self._refused(words, f"/infer/{self.name}", params=address, files=form)
        self._refused("there is no model 'nothing'", "/infer/nothing", params={"image": image})
        self._refused("whole slides aren't segmented", f"/infer/wsi/{self.name}", params={"image": image}, json={})
        self._refused("no such strategy 'nothing'", "/activelearning/nothing", json={})
        self._refused("there is no scoring method 'nothing'", "/scoring/nothing", json={})
        kinds = (
            (f"/batch/infer/{self.name}", "/batch/infer"),
            (f"/train/{self.name}", "/train/"),
            ("/train/", "/train/"),
        )
        for path, tasks in kinds:
            before = len(self.server.tasks(tasks))
            for words, options in (
                ("no device 'abacus'", {"device": "abacus"}),
                ("has no weights ['other.pt']", {"model_filename": "other.pt"}),
                ("is a path", {"model_filename": "../../other/model.pt"}),
                ("model is no option", {"model": "nothing"}),
            ):
                self._refused(words, path, json=options)
            self._refused("run_sync isn't offered", path, params={"run_sync": True}, json={"device": "cpu"})
            if path != tasks:
                self._refused("there is no model 'nothing'", path.replace(self.name, "nothing"), json={})
            if len(self.server.tasks(tasks)) != before:
                raise Failure(f"a request to {path} was refused, and begun")
        for words, images in (
            ("no image 'README.md' among", ["README.md"]),
            ("expected images to be ids or", "nothing"),
            ("expected images to be a list", 3),
        ):
            self._refused(words, f"/batch/infer/{self.name}", json={"images": images})

    def _refuse_archives(self) -> None:
        leading_out = io.BytesIO()
        with tarfile.open(fileobj=leading_out, mode="w") as archive:
            archive.addfile(tarfile.TarInfo("../litemed_outside"))
        broken = io.BytesIO()
        with zipfile.ZipFile(broken, "w") as zipped:
            zipped.writestr("picture.png", b"before")
        for words, name, content in (
            ("Unknown archive format", "picture.png", b"no archive"),
            ("is not a zip file", "picture.zip", b"no archive"),
            ("CRC", "picture.zip", broken.getvalue().replace(b"before", b"behind")),
            ("outside the destination", "picture.tar", leading_out.getvalue()),
        ):
            files = {"files": (name, content)}
            self._refused(words, "/session/", method="PUT", params={"uncompress": True}, files=files)

    def _refused(self, words: str, path: str, method: str = "POST", **options: Any) -> None:
        said = self.server.refused(path, method, **options)
        if not said or words not in str(said):
            raise Failure(f"{path} with {options} is refused by {said!r}, expected {words!r}")

    def _use_session(self) -> None:
        """Send a picture, and ask for its mask by the session, which ends."""
        case = self.cases[0]
        params = prompts(case.box)["box"] if case.box else {}
        session = self.server.create_session(case.image)
        try:
            target = self.scratch / f"{self.name}_session{case.suffix}"
            require_equal(self.server.infer(self.name, "", params, target, session=session), self._runs[case].result())
        finally:
            self.server.remove_session(session)
        self._refused("there is no session", f"/infer/{self.name}", params={"session_id": session})

    def _infer_batch(self) -> None:
        """Have the mask of a picture made in a process of its own, and read it from the labels."""
        case = self.cases[0]
        params = prompts(case.box)["box"] if case.box else {}
        self.server.infer_batch(self.name, [case.id], {**params, "result_extension": case.suffix})
        target = self.scratch / f"{self.name}_batch{case.suffix}"
        try:
            require_equal(self.server.label(case.id, "original", target), self._runs[case].result())
        finally:
            self.server.remove_label(case.id, "original")

    def _answer_meanwhile(self) -> None:
        """Ask for the mask of a large picture, and what the server is before that is there."""
        side, upload = 2400, io.BytesIO()
        with Image.open(self.cases[0].image) as picture:
            picture.convert("RGB").resize((side, side)).save(upload, "PNG")
        box = {"boxes": [[10, 10, side - 10, side - 10]]} if self.cases[0].box else {}
        target = self.scratch / f"{self.name}_large.png"

        def ask() -> float:
            self.server.infer(self.name, "", box, target, upload.getvalue())
            return time.monotonic()

        with ThreadPoolExecutor(1) as asking:  # at once, whatever the pool is busy with
            made = asking.submit(ask)
            time.sleep(0.2)  # it has begun
            self.server.info()
            answered = time.monotonic()
        if (ahead := made.result() - answered) < 0.1:
            raise Failure(f"/info/ was answered {-ahead:.2f} s after the mask that was asked for before")

    def _train(self) -> None:
        shipped = self.weights.read_bytes()
        for case in self.cases:
            self.server.save_label(case.id, case.label)
        try:
            self.server.train(self.name, {"max_epochs": 1, "val_split": 1 / TRAINED_ON})
        finally:
            for case in self.cases:
                self.server.remove_label(case.id)
        kept = self.weights.with_name("model_shipped.pt")
        if self.weights.read_bytes() == shipped:
            raise Failure(f"{self.weights} is as it was before the training")
        if not kept.is_file() or kept.read_bytes() != shipped:
            raise Failure(f"{kept} doesn't hold the weights from before the training")
        now, before = (read_checkpoint(path) for path in (self.weights, kept))
        if now.architecture != before.architecture or set(now.state) != set(before.state):
            other = sorted(set(now.state) ^ set(before.state))[:5]
            raise Failure(f"the weights are of another network now: {now.architecture}, not in both {other}")
        for case in self._asked.values():
            self._start_run(case, "trained")

    def _compare_trained(self, case: Case) -> None:
        before = self._masks.get(case)
        self._compare(case, prompts(case.box)["box"] if case.box else {})
        if before is None or difference(*(read_mask(path)[0] for path in (self._masks[case], before))) is None:
            raise Failure("after an epoch the mask is as before")


def check(bundles: str | tuple[str, ...] = (), folder: str = "") -> None:
    """Serve bundles by MONAI Label and check that it does as they do by themselves.

    Args:
        bundles: names, all by default with their applications, ``mininet_nuclei`` say, and a new one, ``sixth_bundle``.
        folder: where the server is installed, kept for the next time; ``~/.cache/litemed/monai_label`` by default.
    """
    names = bundles.split(",") if isinstance(bundles, str) else list(bundles)
    root = CHECKOUT / "bundles"
    known = {path.name: Source(path.name, path) for path in sorted(root.iterdir()) if path.is_dir()}
    for name, (bundle, application) in APPLICATIONS.items():
        known[name] = Source(name, root / bundle, {"application": application})
    if unknown := set(names) - {*known, SIXTH}:
        sys.exit(f"no bundle {', '.join(sorted(unknown))}: expected some of {', '.join([*known, SIXTH])}")
    sources = [source for name, source in known.items() if not names or name in names]
    home = Path(folder).expanduser().absolute() if folder else litemed_home() / "monai_label"
    try:
        with only_writer(home), tempfile.TemporaryDirectory() as new:  # the app in it is one for all
            if not names or SIXTH in names:
                path, data = sixth_bundle(Path(new))
                sources.append(Source(SIXTH, path, {"dataset_dir": str(data)}))
            rows = _accept(sources, bool(names), home)
    except (Failure, BlockingIOError) as error:
        sys.exit(str(error))
    print(table(rows))
    failed = sum(row.result.startswith("FAILED") for row in rows)
    sys.exit(f"{failed} of {len(rows)} checks failed" if failed else 0)


def _accept(sources: list[Source], named: bool, home: Path) -> list[Row]:
    lacking = {source.name: why for source in sources if (why := missing(source.folder))}
    rows = [Row(name, "served", f"{'FAILED' if named else 'left out'}: {why}") for name, why in lacking.items()]
    sources = [source for source in sources if source.name not in lacking]
    if not sources:
        return rows
    install(home)
    with tempfile.TemporaryDirectory() as temporary, ThreadPoolExecutor(2) as pool:
        added = [pool.submit(source.add, home) for source in sources]
        scratch, labels, studies = (Path(temporary, name) for name in ("scratch", "labels", "studies"))
        for each in (scratch, labels, studies):
            each.mkdir()
        prompted = prompted_cases(studies, labels)
        cases = [prompted if takes_boxes(each.folder) else sample_cases(each, studies, labels) for each in sources]
        places = [future.result() for future in added]
        models = [place.name for place in places]
        models += [place.name + SMART for place, its in zip(places, cases, strict=True) if its is prompted]
        server = Server(home, studies, models, home / "server.log")
        # what it takes to compare with is made while the server starts
        served = [Acceptance(server, home, place, its, scratch, pool) for place, its in zip(places, cases, strict=True)]
        with server:
            for checks in (Acceptance.served, Acceptance.trained):
                rows += [row for bundle in served for row in checks(bundle)]
    return sorted(rows, key=lambda row: row.bundle)


if __name__ == "__main__":
    fire.Fire(check)
