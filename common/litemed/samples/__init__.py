# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Built-in sample data, each in the layout of the public data set it stands for.

`nuclei` is real (a fluorescence picture with 125 labelled nuclei); `eyes`, `fundus`, `lesions` and `tearfilm` are
simulated and made for trying out the software. A sample is written on first use, below the folder that the environment
variable ``LITEMED_HOME`` names, or below ``~/.cache/litemed``, and reused from then on.
"""

from __future__ import annotations

from litemed.samples.eyes import eyes
from litemed.samples.fundus import fundus
from litemed.samples.lesions import lesions
from litemed.samples.nuclei import nuclei
from litemed.samples.tearfilm import TearFilmVideo, tearfilm

__all__ = ["TearFilmVideo", "eyes", "fundus", "lesions", "nuclei", "tearfilm"]
