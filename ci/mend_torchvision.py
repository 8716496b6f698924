# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Let torchvision be imported beside a torch that it wasn't built for; where the two fit, nothing is changed.

    label/environment/bin/python ci/mend_torchvision.py

The package index has torchvision for one build of each torch. Beside another, torch's build for CPUs say, its compiled
operators don't load, and the import ends with ``operator torchvision::nms does not exist``. MONAI needs the import and
none of the operators. Two files in this Python's packages declare them, without code.
"""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path

FINDER = '''\
"""Lets torchvision be imported beside a torch that it has no compiled operators for: nothing here calls them."""

import sys


class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "torchvision":
            sys.meta_path.remove(self)
            import torch

            library = torch.library.Library("torchvision", "DEF")
            library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
            library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
            torch._litemed_torchvision = library


sys.meta_path.insert(0, Finder())
'''


def mend() -> None:
    """Try the import, mend it where the operators are what fails, and try again; exits with what another one says."""
    said = _import()
    if "torchvision::nms does not exist" in said:
        packages = Path(sysconfig.get_path("purelib"))
        (packages / "litemed_torchvision.py").write_text(FINDER)
        (packages / "litemed_torchvision.pth").write_text("import litemed_torchvision\n")
        said = _import()
    if said:
        sys.exit(said)


def _import() -> str:
    """What a Python that imports torchvision says in failing; nothing when it doesn't fail."""
    done = subprocess.run([sys.executable, "-c", "import torchvision"], capture_output=True, text=True, check=False)
    return done.stderr[-3000:] if done.returncode else ""


if __name__ == "__main__":
    mend()
