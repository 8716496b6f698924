# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The form of packed files, against isort and by hand."""

from __future__ import annotations

import isort
import pytest
from litemed.tools.packaging.formats import formatted_code, formatted_json

MOVED = '''"""A module whose library was moved into its bundle."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import tiny.litemed.losses as losses
import torch
from tiny.litemed.files import replacing
from tiny.litemed.box_10 import Box
from tiny.litemed.box_9 import Crop
# which loads nothing
from tiny.litemed.lazy import lazy_names
from monai.transforms import Compose
from torch import nn

from tiny.network import Net

A = 1


def read() -> None:
    import zlib

    from tiny.litemed.images.volumes import open_volume
    from skimage import filters
'''


def test_moved_imports_are_sorted_as_isort_sorts_them() -> None:
    found = formatted_code(MOVED, "tiny")
    assert found != MOVED
    assert found == isort.code(MOVED, profile="black", line_length=120, known_first_party=["models"])
    assert formatted_code(found, "tiny") == found


def test_an_import_that_packing_made_too_long_is_wrapped() -> None:
    names = ", ".join(f"a_rather_long_name_{number:02}" for number in range(4))
    fits = f"from tiny.litemed.imag import {names}\n"
    assert len(fits) == 121  # with its line end
    assert formatted_code(fits, "tiny") == fits
    long = fits.replace("imag", "image")
    found = formatted_code(long, "tiny")
    assert found == "from tiny.litemed.image import (\n    {},\n)\n".format(names.replace(", ", ",\n    "))
    assert found == isort.code(long, profile="black", line_length=120)


def test_imports_of_others_are_left_as_they_are() -> None:
    text = "import torch\nimport numpy\n\nfrom monai import data\n"
    assert formatted_code(text, "tiny") == text


def test_a_text_below_a_name_becomes_a_comment_and_others_stay() -> None:
    text = '"""Of the module."""\n\nA = 1\n"""One.\n\nAnd more."""\n\n\nclass B:\n    c: int\n    """Of c."""\n'
    expected = '"""Of the module."""\n\nA = 1\n# One.\n#\n# And more.\n\n\nclass B:\n    c: int\n    """Of c."""\n'
    assert formatted_code(text, "tiny") == expected


def test_json_is_laid_out_with_four_spaces() -> None:
    expected = """{
    "b": [
        1,
        2
    ],
    "a": "\\u00e9"
}
"""
    assert formatted_json('{"b": [1, 2], "a": "é"}') == expected
    with pytest.raises(ValueError, match="Expecting"):
        formatted_json("{")
