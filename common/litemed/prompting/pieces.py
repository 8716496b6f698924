# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Which pieces of a mask belong to the object that was meant."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
import torch
from scipy import ndimage

__all__ = ["keep_meant"]


def keep_meant(logits: torch.Tensor, box: Iterable[float], on_object: Iterable[Sequence[float]] = ()) -> torch.Tensor:
    """Logits without the pieces of their mask that lie wholly outside the box and hold no positive click.

    A network that learnt clicks puts specks on look-alikes far from a box. Pixels that touch by a corner are of one
    piece. What goes has its logits negated, so that it doesn't come back when the map is enlarged.

    Args:
        logits: ``(H, W)``, above 0 on the object.
        box: x0, y0, x1, y1 in pixels of the map; a piece at the border of a pixel that it touches stays.
        on_object: x, y of positive clicks, in the same pixels.

    Returns:
        ``(H, W)``; the same tensor where all pieces stay.
    """
    mask = (logits > 0).cpu().numpy()
    x0, y0, x1, y1 = map(float, box)
    inside = slice(max(math.floor(y0), 0), math.ceil(y1) + 1), slice(max(math.floor(x0), 0), math.ceil(x1) + 1)
    if np.count_nonzero(mask) == np.count_nonzero(mask[inside]):
        return logits
    pieces, _ = ndimage.label(mask, np.ones((3, 3)))
    meant = [pieces[inside].ravel()]
    for x, y in on_object:
        meant.append(pieces[min(max(round(y), 0), len(mask) - 1), min(max(round(x), 0), mask.shape[1] - 1), None])
    dropped = mask & ~np.isin(pieces, np.concatenate(meant))
    return torch.where(torch.from_numpy(dropped).to(logits.device), -logits, logits)
