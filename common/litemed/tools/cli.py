# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The ``litemed`` command."""

from __future__ import annotations

import inspect
import json
import sys
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from litemed.bundles import bundle_folders
from litemed.command_line import run_command

__all__ = ["Litemed", "main"]


class Litemed:
    """Light-weight medical segmentation. ``litemed COMMAND --help`` tells more of each command.

    Exit codes: 0, all went well; 1, a file or a check failed; 2, the call was wrong, and one line says how.
    """

    def doctor(self, json: bool = False) -> None:
        """Tell versions, processor, runtimes, bundles and weights, and what to install.

        Args:
            json: print JSON.
        """
        from litemed.tools.doctor import diagnose, report

        found = diagnose()
        _show(found, report(found), json)

    def datasets(self, json: bool = False) -> None:
        """List the data sets that can be read, as ``--reader NAME --dataset_dir FOLDER`` of a bundle, and the samples.

        Args:
            json: print JSON.
        """
        readers, built_in = readers_and_samples()
        lines = ["Readers:", *(f"  {name:<12}{text}" for name, text in readers.items())]
        lines += ["Samples, written when first used:", *(f"  {name:<12}{text}" for name, text in built_in.items())]
        _show({"readers": readers, "samples": built_in}, "\n".join(lines), json)

    def segment(
        self,
        input: str,
        bundle: str,
        box: str | None = None,
        out: str = "segmented",
        workers: int | None = None,
        json: bool = False,
        **options: Any,
    ) -> None:
        """Segment a picture or a volume, or a folder of them, with a bundle's network.

        Examples::

            litemed segment eye.png --bundle mininet --out masks
            litemed segment slides/ --bundle mininet --application nuclei --workers 4
            litemed segment scan.png --bundle swiftmedsam --box "20,30,80,90" --box "100,40,160,120"
            litemed segment scans/ --bundle swiftmedsam --box boxes.csv

        A file that can't be segmented is listed at the end; the exit code is then 1.

        A file of boxes may be for many images: ``{"a.png": [[20, 30, 80, 90]]}`` in JSON, or a CSV file with the header
        ``image,x0,y0,x1,y1``.

        Args:
            input: a picture, a volume, or a folder of them.
            bundle: its name or folder; ``litemed doctor`` lists them.
            box: x0,y0,x1,y1 or x0,y0,z0,x1,y1,z1, for bundles that take boxes; as often as there are objects. Or a JSON
                or CSV file of them.
            out: folder for the results.
            workers: processes; by default as many as there are cores, if there are files enough.
            json: print JSON.
            options: any other value of the bundle's configs/inference.json, such as ``--threshold 0.4``, and
                ``--application NAME`` for another of its applications.
        """
        from litemed.tools.segment import segment

        done = segment(
            str(input),
            str(bundle),
            str(out),
            boxes=box,
            workers=workers,
            overrides=_plain(options),
            progress=not json,
        )
        _show(done.as_dict(), done.summary(), json)
        if done.failed:
            sys.exit(1)

    def measure(
        self,
        eye: str,
        bundle: str = "tiu_ocular",
        out: str = "measured",
        json: bool = False,
        **options: Any,
    ) -> None:
        """Segment the eye in a photograph, or in each of a folder, and measure its regions.

        Examples::

            litemed measure anna_left.png --spacing 0.05
            litemed measure eyes/ --out measured

        Two files that differ in ``_left`` and ``_right`` alone are compared. The folder also gets the masks, pictures
        to look at, and the tables as files. A file that can't be measured is listed; the exit code is then 1.

        Args:
            eye: a picture, or a folder of them.
            bundle: the one to measure with.
            out: folder for the results.
            json: print JSON.
            options: any other value of the bundle's configs/inference.json; ``--spacing`` is the side of a pixel in mm,
                and without it lengths are in pixels.
        """
        from litemed.tools.measure import measure

        measured = measure(str(eye), str(bundle), str(out), overrides=_plain(options), progress=not json)
        _show(measured.as_dict(), measured.tables(), json)
        if measured.failed:
            sys.exit(1)

    def collab(
        self, video: str, bundle: str = "tfnet", out: str = "collab", json: bool = False, **options: Any
    ) -> None:
        """Find when and where the tear film breaks up in a video, and write a report.

        Examples::

            litemed collab visit1.mp4 --out visit1
            litemed collab frames/ --fps 25 --gate False

        Interrupted, the same command goes on where it was.

        Args:
            video: a video file, or a folder of pictures in the order of their names.
            bundle: the one to analyse with.
            out: folder for report.html, report.json, frames.csv, masks/, annotated.mp4 and the plots.
            json: print the report as JSON.
            options: any other value of the bundle's configs/collab.json, such as ``--smooth 2``.
        """
        from pathlib import Path

        from litemed.tools.workflows import run_workflow

        recording, folder = (str(Path(str(path)).expanduser().absolute()) for path in (video, out))
        report = run_workflow(str(bundle), "collab", {**_plain(options), "video": recording, "output_dir": folder})[-1]
        lines = [report["summary"], *(f"- {note}" for note in report["notes"]), f"written to {folder}"]
        _show(report, "\n".join(lines), json)

    def evaluate(
        self,
        predictions: str,
        truth: str,
        out: str | None = None,
        definition: str = "monai",
        tolerance: float = 1.0,
        workers: int | None = None,
        engine: str = "local",
        json: bool = False,
    ) -> None:
        """Score predicted masks against true ones: Dice, IoU, HD95, ASSD, NSD, with bootstrap intervals.

        Examples::

            litemed evaluate predictions/ truth/ --out scores
            litemed evaluate predictions/ truth/ --engine ray

        Args:
            predictions: a mask, or a folder of them: pictures, NIfTI or NRRD.
            truth: the true mask, or a folder of them with the same names.
            out: folder for scores.json and scores.csv.
            definition: of surface distances: monai, medpy or deepmind.
            tolerance: of NSD, in mm, or in pixels for pictures.
            workers: processes; by default as many as there are cores, if there are masks enough.
            engine: local, or ray: the same scores by Ray, on the cluster that RAY_ADDRESS names or on this computer.
            json: print JSON.
        """
        from litemed.tools.evaluate import evaluate

        scored = evaluate(
            str(predictions),
            str(truth),
            output_dir=out,
            definition=definition,
            tolerance=tolerance,
            workers=workers,
            engine=engine,  # type: ignore[arg-type]  # checked where it is used
            progress=not json,
        )
        _show(scored.as_dict(), scored.table(), json)
        if scored.failed:
            sys.exit(1)

    def report(self, run: str, out: str | None = None) -> None:
        """Write one HTML page of a training or an evaluation: curves, scores, best and worst cases.

        Example: ``litemed report bundles/mininet/runs/nuclei``

        Args:
            run: folder that the training or evaluation wrote.
            out: the page; report.html in that folder by default.
        """
        from litemed.tools.report.writing import write_report

        print(write_report(run, out))

    def new(self, name: str, to: str = ".") -> None:
        """Make a new bundle from a template that trains, infers and verifies as it is.

        Example: ``litemed new thyroid_us --to bundles``

        Args:
            name: of the bundle and its Python package, in small letters.
            to: folder to make it in.
        """
        from litemed.tools.packaging.new import new_bundle

        folder = new_bundle(name, to)
        print(f"{folder}\nIts docs/README.md has the commands to train, use, verify and pack it.")

    def pack(self, bundle: str, out: str = ".") -> None:
        """Write a bundle as one zip that runs where litemed isn't installed.

        Example: ``litemed pack mininet --out zips``

        Args:
            bundle: its name or folder.
            out: folder for the zip.
        """
        from litemed.bundles import find_bundle
        from litemed.tools.packaging.pack import pack

        print(pack(find_bundle(bundle), out))

    def verify(self, *bundles: str, export: bool = True, json: bool = False) -> None:
        """Make the MONAI Model Zoo's checks of bundles; exits with 1 when one fails.

        Example: ``litemed verify mininet zips/tfnet_v0.1.0.zip``

        Args:
            bundles: names, folders or zips; every bundle that is found when none is given.
            export: also export the networks, which takes most of the time.
            json: print JSON.
        """
        from pathlib import Path

        from litemed.bundles import bundle_folders, find_bundle
        from litemed.tools.packaging.verify import verify

        failed = False
        results: dict[str, dict[str, str | None]] = {}
        for bundle in bundles or sorted(bundle_folders()):
            path = Path(bundle) if Path(bundle).is_file() else find_bundle(bundle)
            for check in verify(path, export=export):
                results.setdefault(path.name, {})[check.name] = check.error
                failed |= check.error is not None
                if not json:
                    print(f"{path.name:<24}{check.name:<12}{'passed' if check.error is None else 'FAILED'}", flush=True)
                if check.error is not None and not json:
                    print(f"    {check.error}\n{check.details}", file=sys.stderr)
        if json:
            _show(results, "", json)
        if failed:
            sys.exit(1)

    def publish(self, *bundles: str, to: str, url: str = "") -> None:
        """Lay out a static model zoo: zips, model_info.json and a page to choose from.

        Example: ``litemed publish --to zoo --url https://example.org/zoo``

        Args:
            bundles: names or folders; every bundle that is found when none is given.
            to: folder of the zoo.
            url: address that the folder will be offered at.
        """
        from litemed.bundles import bundle_folders, find_bundle
        from litemed.tools.packaging.publish import publish

        print(publish([find_bundle(bundle) for bundle in bundles or sorted(bundle_folders())], to, url))


def readers_and_samples() -> tuple[dict[str, str], dict[str, str]]:
    """A line on each reader and on each sample, the library's and those of the bundles at hand."""
    from litemed import samples
    from litemed.datasets import paired

    readers, built_in = {"paired": _summary(paired)}, {"nuclei": _summary(samples.nuclei)}
    for name in bundle_folders():
        for found, module, names in ((readers, "readers", "READERS"), (built_in, "simulation", "__all__")):
            if find_spec(name) is None or find_spec(f"{name}.{module}") is None:
                continue
            package = import_module(f"{name}.{module}")
            offered = {each: getattr(package, each) for each in getattr(package, names, ()) if each.islower()}
            found |= {each: _summary(function) for each, function in offered.items()}
    return dict(sorted(readers.items())), dict(sorted(built_in.items()))


def main() -> None:
    """Run the command line; an error of the user's input is one line and exit code 2."""
    run_command(Litemed, "litemed", _arguments(sys.argv[1:]))


def _arguments(given: list[str]) -> list[str]:
    """What fire takes: ``--box A --box B`` as ``--box=A;B``, and help in the form that isn't an error."""
    if {"--help", "-h"} & set(given):
        return [given[0], "--", "--help"] if not given[0].startswith("-") else []
    boxes, others = [], []
    left = iter(given)
    for argument in left:
        if argument.startswith("--box="):
            boxes.append(argument.removeprefix("--box="))
        elif argument == "--box":
            boxes.append(next(left, ""))
        else:
            others.append(argument)
    return [*others, f"--box={';'.join(boxes)}"] if boxes else others


def _plain(value: Any) -> Any:
    """Lists for the tuples that fire makes of ``1,2``, as JSON has them."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, (list, tuple)) else value


def _show(result: Any, text: str, as_json: bool) -> None:
    print(json.dumps(result, indent=4) if as_json else text)


def _summary(thing: Any) -> str:
    return (inspect.getdoc(thing) or "").splitlines()[0]
