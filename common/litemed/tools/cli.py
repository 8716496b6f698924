# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The ``litemed`` command."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

from litemed.bundles import Offer, bundle_folders, find_bundle, importable, metadata_of, offers, where_to_put
from litemed.command_line import run_command

__all__ = ["Litemed", "main", "with_bundles"]

_PAIRED = "pictures and masks of equal names in two folders, images/ and masks/"
_NUCLEI = "a real fluorescence picture with 125 labelled nuclei, in three parts"


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
        found = {
            "readers": {"paired": _PAIRED, **_texts("readers")},
            "samples": {"nuclei": _NUCLEI, **_texts("samples")},
        }
        lines = ["Readers:", *(f"  {name:<14}{text}" for name, text in sorted(found["readers"].items()))]
        lines += ["Samples, written when first used:"]
        lines += [f"  {name:<14}{text}" for name, text in sorted(found["samples"].items())]
        _show(found, "\n".join(lines), json)

    def info(self, bundle: str | None = None, json: bool = False) -> None:
        """Tell what bundles are for, how well their weights do on which data, their speed and their licences.

        Examples::

            litemed info
            litemed info BUNDLE

        Args:
            bundle: its name or folder, to be told all of it; by default the main points of all.
            json: print JSON.
        """
        from litemed.tools.info import as_text, describe

        found = [describe(each) for each in ([bundle] if bundle else sorted(bundle_folders()))]
        if not found:
            raise FileNotFoundError(f"no bundle: {where_to_put()}")
        text = "\n\n".join(as_text(each, details=bundle is not None) for each in found)
        _show(found[0] if bundle else found, text, json)

    def get(self, bundle: str, zoo: str, to: str | None = None) -> None:
        """Take a bundle from a zoo that ``litemed publish`` laid out: a folder, or an address.

        Example: ``litemed get thyroid_us --zoo https://example.org/zoo``

        The zip's checksum is compared before it is unpacked, and nothing of it is run. Interrupted, the same command
        goes on where it was.

        Args:
            bundle: its name, for the latest version, or name and version: thyroid_us_v0.1.0.
            zoo: the zoo's folder or address.
            to: folder to put it in; by default the one in which bundles are found by name.
        """
        from litemed.tools.packaging.get import get_bundle

        print(get_bundle(bundle, zoo, to))

    def segment(
        self,
        input: str,
        bundle: str,
        box: str | None = None,
        click: str | None = None,
        not_click: str | None = None,
        prompts: str | None = None,
        out: str = "segmented",
        workers: int | None = None,
        json: bool = False,
        **options: Any,
    ) -> None:
        """Segment a picture or a volume, or a folder of them, with a bundle's network.

        Examples::

            litemed segment eye.png --bundle BUNDLE --out masks
            litemed segment slides/ --bundle BUNDLE --application nuclei --workers 4
            litemed segment scan.png --bundle BUNDLE --box "20,30,80,90" --box "100,40,160,120"
            litemed segment scans/ --bundle BUNDLE --box boxes.csv
            litemed segment scan.nii.gz --bundle BUNDLE --click 120,80,31 --not 140,95,31
            litemed segment scan.nii.gz --bundle BUNDLE --prompts scan_prompts.json

        Of several files those that can't be segmented are listed at the end; the exit code is then 1.

        A file of boxes may be for many images: ``{"a.png": [[20, 30, 80, 90]]}`` in JSON, a CSV file with the header
        ``image,x0,y0,x1,y1``, or a file of COCO. YOLO's and LabelMe's are read too. An archive of the MedSAM challenge
        brings its own.

        Args:
            input: a picture, a volume, or a folder of them.
            bundle: its name or folder; ``litemed doctor`` lists them.
            box: x0,y0,x1,y1 or x0,y0,z0,x1,y1,z1, for bundles that take boxes; as often as there are objects. Or a JSON
                or CSV file of them, or a mask.
            click: x,y or x,y,z on one object, for bundles that take clicks; as often as there are clicks.
            not_click: the same beside the object, also as --not.
            prompts: the file of a session, of ``litemed app`` say, to get its masks again.
            out: folder for the results.
            workers: processes; by default as many as there are cores, if there are files enough.
            json: print JSON.
            options: any other value of the bundle's configs/inference.json, such as ``--threshold 0.4``, and
                ``--application NAME`` for another of its applications.
        """
        find_bundle(bundle)  # before much is loaded for nothing
        if prompts is not None or click is not None or not_click is not None:
            from litemed.tools.prompted import segment_prompts

            done = segment_prompts(
                input, bundle, out, prompts=prompts, on=click, off=not_click, box=box, overrides=_plain(options)
            )
        else:
            from litemed.tools.segment import segment

            done = segment(input, bundle, out, boxes=box, workers=workers, overrides=_plain(options), progress=not json)
        if len(done.failed) == 1 and not done.results and not json:
            raise ValueError(*done.failed.values())
        _show(done.as_dict(), done.summary(), json)
        if done.failed:
            sys.exit(1)

    def app(
        self, source: str | None = None, out: str = "segmented", port: int = 0, browser: bool = True, **options: Any
    ) -> None:
        """Outline objects on a page in the browser: boxes, clicks, strokes; and what else the bundles do.

        Examples::

            litemed app scan.nii.gz
            litemed app pictures/ --out masks

        The page is served to this computer alone, needs no internet, and stops with Ctrl-C.

        Args:
            source: a picture, a volume, a video, or a folder of them; by default samples to try it on.
            out: folder for what is saved.
            port: of the page; any that is free by default.
            browser: open the page; its address is printed in any case.
            options: of the network, such as ``--ckpt_path FILE``; ``--bundle NAME`` where several bundles take clicks.
        """
        from litemed.app import serve

        serve(source, out, port=port, browser=browser, overrides=_plain(options))

    def test(self, *bundles: str, write: bool = False, json: bool = False) -> None:
        """Run the small input that each bundle keeps, in each installed runtime; exits with 1 when a result differs.

        Prints the Dice with the kept result and the seconds, beside those of the processor that wrote it.

        Examples::

            litemed test
            litemed test BUNDLE

        Args:
            bundles: names or folders; every bundle with weights when none is given.
            write: keep what this computer gives instead, after a training say.
            json: print JSON.
        """
        from litemed.tools.sample import check_sample, write_sample

        with_weights = [
            name for name, folder in sorted(bundle_folders().items()) if (folder / "models/model.pt").is_file()
        ]
        runs = []
        for bundle in bundles or with_weights:
            if write:
                print(write_sample(bundle))
                continue
            for run in check_sample(bundle):
                runs.append(run)
                if not json:
                    print(run.text(), flush=True)
        if json:
            _show([run._asdict() for run in runs], "", json)
        if not all(run.passed for run in runs):
            sys.exit(1)

    def evaluate(
        self,
        predictions: str,
        truth: str,
        out: str | None = None,
        definition: str = "monai",
        tolerance: float = 1.0,
        threshold: float | None = None,
        workers: int | None = None,
        engine: str = "local",
        json: bool = False,
    ) -> None:
        """Score predicted masks against true ones: Dice, IoU, HD95, ASSD, NSD, with bootstrap intervals.

        Examples::

            litemed evaluate predictions/ truth/ --out scores
            litemed evaluate predictions/ truth/ --engine ray

        Args:
            predictions: a mask, or a folder of them: pictures, NIfTI, NRRD, MetaImage, DICOM or npz.
            truth: the true mask, or a folder of them with the same names.
            out: folder for scores.json and scores.csv.
            definition: of surface distances: monai, medpy or deepmind.
            tolerance: of NSD, in mm, or in pixels for pictures.
            threshold: mask values above it are the object; masks kept as JPEG need one, such as 127.
            workers: processes; by default as many as there are cores, if there are masks enough.
            engine: local, or ray: the same scores by Ray, on the cluster that RAY_ADDRESS names or on this computer.
            json: print JSON.
        """
        from litemed.tools.evaluate import evaluate

        scored = evaluate(
            str(predictions),
            str(truth),
            output_dir=out,
            definition=definition,  # type: ignore[arg-type]  # both are checked where they are used
            tolerance=tolerance,
            threshold=threshold,
            workers=workers,
            engine=engine,  # type: ignore[arg-type]
            progress=not json,
        )
        _show(scored.as_dict(), scored.text(), json)
        if scored.failed:
            sys.exit(1)

    def report(self, run: str, out: str | None = None) -> None:
        """Write one HTML page of a training or an evaluation: curves, scores, best and worst cases.

        Example: ``litemed report runs/nuclei``

        Args:
            run: folder that the training or evaluation wrote.
            out: the page; report.html in that folder by default.
        """
        from litemed.tools.report.writing import write_report

        print(write_report(run, out))

    def new(self, name: str, to: str = ".", data: str | None = None, max_epochs: int = 20) -> None:
        """Make a new bundle from a template that trains, infers and verifies as it is; with data, train it too.

        Examples::

            litemed new thyroid_us --to bundles
            litemed new thyroid_us --to bundles --data YOUR_FOLDER

        Args:
            name: of the bundle and its Python package, in small letters.
            to: folder to make it in.
            data: folder of images/ and masks/ of equal names, or of training/, validation/ and test/ with the two in
                each: pictures of any sizes and formats.
            max_epochs: of the training.
        """
        from litemed.tools.packaging.new import new_bundle, train_new_bundle

        if data is None:
            print(f"{new_bundle(name, to)}\nIts docs/README.md has the commands to train, use, verify and pack it.")
            return
        folder = train_new_bundle(name, to, data, max_epochs)
        dice = metadata_of(folder)["eval_metrics"]["dice"]
        print(f"{folder}\nTrained on {data}; Dice {dice:.3f} on its test part. litemed report {folder / 'runs/train'}")

    def pack(self, bundle: str, out: str = ".", application: str = "") -> None:
        """Write a bundle as one zip that runs where litemed isn't installed.

        Example: ``litemed pack thyroid_us --out zips``

        Args:
            bundle: its name or folder.
            out: folder for the zip.
            application: pack this one of its applications alone, as a bundle BUNDLE_APPLICATION.
        """
        from litemed.tools.packaging.pack import pack

        print(pack(find_bundle(bundle), out, application))

    def verify(self, *bundles: str, mode: str = "full", json: bool = False) -> None:
        """Make the MONAI Model Zoo's checks of bundles; exits with 1 when one fails.

        The checks run the bundle's code, as using it does: verify only what you trust.

        Example: ``litemed verify thyroid_us zips/thyroid_us_v0.1.0.zip``

        Args:
            bundles: names, folders or zips, also those in a zoo's models/ and hf_models/; every bundle that is found
                when none is given.
            mode: min, regular or full, as of the zoo's own script; the first two read files alone.
            json: print JSON.
        """
        from pathlib import Path

        from litemed.tools.packaging.verify import is_entry, verify

        failed = False
        results: dict[str, dict[str, str | None]] = {}
        for bundle in bundles or sorted(bundle_folders()):
            path = Path(bundle) if Path(bundle).is_file() or is_entry(Path(bundle)) else find_bundle(bundle)
            for check in verify(path, mode):
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

    def publish(self, *bundles: str, to: str, url: str = "", hubs: str = "") -> None:
        """Lay out a static model zoo: zips, model_info.json and a page to choose from.

        Example: ``litemed publish --to zoo --url https://example.org/zoo``

        Args:
            bundles: names or folders; every bundle that is found when none is given.
            to: folder of the zoo.
            url: address that the folder will be offered at.
            hubs: account at Hugging Face: also lay out repositories for it, and the Model Zoo's models/ and hf_models/.
        """
        from litemed.tools.packaging.publish import publish

        print(publish([find_bundle(bundle) for bundle in bundles or sorted(bundle_folders())], to, url, hubs))


def main() -> None:
    """Run the command line; an error of the user's input is one line and exit code 2."""
    arguments = _arguments(sys.argv[1:])
    run_command(with_bundles(arguments[0] if arguments else ""), "litemed", arguments)


def with_bundles(called: str) -> type[Litemed]:
    """The command with what the bundles add to it. Only the bundle whose command is called is imported."""
    added = {
        name: staticmethod(_function(name, offer) if name == called.replace("-", "_") else _listed(offer.text))
        for name, offer in offers("commands").items()
        if not hasattr(Litemed, name)
    }
    return type("Litemed", (Litemed,), {"__doc__": Litemed.__doc__, **added})


def _function(name: str, offer: Offer) -> Callable[..., Any]:
    folder = importable(offer.bundle)
    return getattr(import_module(f"{folder.name}.command"), name)


def _listed(text: str) -> Callable[..., None]:
    """What stands for a command in the list of all."""

    def command() -> None: ...

    command.__doc__ = text
    return command


_REPEATED = {"--box": "--box", "--click": "--click", "--not": "--not_click", "--not-click": "--not_click"}


def _arguments(given: list[str]) -> list[str]:
    """What fire takes: ``--box A --box B`` as ``--box=A;B``, and help in the form that isn't an error."""
    if {"--help", "-h"} & set(given):
        return [given[0], "--", "--help"] if not given[0].startswith("-") else []
    repeated: dict[str, list[str]] = {}
    others = []
    left = iter(given)
    for argument in left:
        option, has_value, value = argument.partition("=")
        if option in _REPEATED:
            repeated.setdefault(_REPEATED[option], []).append(value if has_value else next(left, ""))
        else:
            others.append(argument)
    return [*others, *(f"{option}={';'.join(values)}" for option, values in repeated.items())]


def _plain(value: Any) -> Any:
    """Lists for the tuples that fire makes of ``1,2``, as JSON has them."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, (list, tuple)) else value


def _show(result: Any, text: str, as_json: bool) -> None:
    print(json.dumps(result, indent=4) if as_json else text)


def _texts(kind: str) -> dict[str, str]:
    return {name: offer.text for name, offer in offers(kind).items()}
