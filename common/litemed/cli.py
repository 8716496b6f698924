# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The ``litemed`` command."""

from __future__ import annotations

import inspect
import json
import sys
from typing import Any

import fire

__all__ = ["Litemed", "main"]


class Litemed:
    """Light-weight medical segmentation. ``litemed COMMAND --help`` tells more of each command."""

    def doctor(self, json: bool = False) -> None:
        """Tell versions, processor, runtimes, bundles and weights, and what to install.

        Args:
            json: print JSON.
        """
        from litemed.doctor import diagnose, report

        found = diagnose()
        _show(found, report(found), json)

    def datasets(self, json: bool = False) -> None:
        """List the data sets that can be read, as ``--reader NAME --dataset_dir FOLDER`` of a bundle, and the samples.

        Args:
            json: print JSON.
        """
        from litemed import samples
        from litemed.datasets import READERS

        readers = {name: _summary(reader) for name, reader in sorted(READERS.items())}
        built_in = {name: _summary(getattr(samples, name)) for name in samples.__all__ if name.islower()}
        lines = ["Readers:", *(f"  {name:<12}{text}" for name, text in readers.items())]
        lines += ["Samples, written when first used:", *(f"  {name:<12}{text}" for name, text in built_in.items())]
        _show({"readers": readers, "samples": built_in}, "\n".join(lines), json)

    def evaluate(
        self,
        predictions: str,
        truth: str,
        out: str | None = None,
        definition: str = "monai",
        tolerance: float = 1.0,
        workers: int | None = None,
        json: bool = False,
    ) -> None:
        """Score predicted masks against true ones: Dice, IoU, HD95, ASSD, NSD, with bootstrap intervals.

        Example: ``litemed evaluate predictions/ truth/ --out scores``

        Args:
            predictions: a mask, or a folder of them: pictures, NIfTI or NRRD.
            truth: the true mask, or a folder of them with the same names.
            out: folder for scores.json and scores.csv.
            definition: of surface distances: monai, medpy or deepmind.
            tolerance: of NSD, in mm, or in pixels for pictures.
            workers: processes; all cores by default.
            json: print JSON.
        """
        from litemed.evaluation import evaluate

        scored = evaluate(
            str(predictions),
            str(truth),
            output_dir=out,
            definition=definition,
            tolerance=tolerance,
            workers=workers,
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
        from litemed.report import write_report

        print(write_report(run, out))

    def pack(self, bundle: str, out: str = ".") -> None:
        """Write a bundle as one zip that runs where litemed isn't installed.

        Example: ``litemed pack mininet --out zips``

        Args:
            bundle: its name or folder.
            out: folder for the zip.
        """
        from litemed.bundles import find_bundle
        from litemed.packaging import pack

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
        from litemed.packaging import verify

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
        from litemed.packaging import publish

        print(publish([find_bundle(bundle) for bundle in bundles or sorted(bundle_folders())], to, url))


def main() -> None:
    """Run the command line; an error of the user's input is one line and exit code 2."""
    try:
        fire.Fire(Litemed, name="litemed")
    except (FileNotFoundError, ValueError, ImportError) as error:
        print(f"litemed: {error}", file=sys.stderr)
        sys.exit(2)


def _show(result: Any, text: str, as_json: bool) -> None:
    print(json.dumps(result, indent=4) if as_json else text)


def _summary(thing: Any) -> str:
    return (inspect.getdoc(thing) or "").splitlines()[0]
