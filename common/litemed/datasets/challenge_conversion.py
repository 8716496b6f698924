# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Folders of images and masks into archives of the MedSAM challenge.

    python -m litemed.datasets.challenge_conversion data/images data/masks data/npz --modality CT

Images and masks with equal stems belong together. Pictures become ``2D_<modality>_<stem>.npz``, volumes (NIfTI, NRRD,
MetaImage, DICOM files and folders of a series) ``3D_<modality>_<stem>.npz``.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from scipy import ndimage
from tqdm import tqdm

from litemed.command_line import run_command
from litemed.datasets.challenge import write_challenge
from litemed.datasets.files import dataset_root, wrong_layout
from litemed.images.boxes import mask_boxes
from litemed.images.masks import read_labels, whole_labels
from litemed.images.names import image_stem, is_archive, is_image, is_picture
from litemed.images.orientation import PlaneView
from litemed.images.volume import check_same_grid
from litemed.images.volumes import open_volume
from litemed.parallel import Engine, in_parallel
from litemed.slices.stacking import stack_slices
from litemed.transforms.pictures import LoadPictured
from litemed.transforms.windows import Window, ct_range, intensity_range

__all__ = ["convert", "convert_case"]


def convert(
    images: str | os.PathLike[str],
    masks: str | os.PathLike[str],
    output_dir: str | os.PathLike[str],
    modality: str,
    window: Window = "soft_tissue",
    plane: str = "axial",
    threshold: float | None = None,
    labels: Sequence[int] | None = None,
    components: bool = False,
    min_size: int = 1,
    workers: int | None = None,
    engine: Engine = "local",
) -> list[str]:
    """Converts a folder of images with its folder of masks.

    Args:
        images: folder of images.
        masks: folder of masks with the same stems; their format may differ.
        output_dir: folder for the archives; made when it isn't there.
        modality: goes into the file names; ``CT`` scales volumes by ``window``, others by percentiles.
        window: CT window, a name or level and width in HU.
        plane: direction of a volume's slices: axial, coronal, sagittal, or stored.
        threshold: mask values above it are foreground: needed for masks kept as JPEG.
        labels: mask values that are objects; None takes all but 0. For masks whose background has a value of its own.
        components: give each connected component of a label a label of its own.
        min_size: leave out objects of fewer pixels or voxels.
        workers: processes; by default as many as there are cores, if there are images enough for them.
        engine: ``"local"`` for processes of this computer or ``"ray"``, see :func:`litemed.parallel.in_parallel`; the
            archives are the same.

    Returns:
        Paths of the archives.

    Raises:
        FileNotFoundError: when a folder lacks or has no images.
        ValueError: for images without mask, or naming the file that is wrong. Archives written before stay whole.
    """
    image_files, mask_files = _by_stem(dataset_root(images)), _by_stem(dataset_root(masks))
    if alone := sorted(image_files.keys() ^ mask_files.keys()):
        raise ValueError(f"{len(alone)} image(s) without mask, or masks without image: {', '.join(alone[:10])}")
    if not modality or any(sign in modality for sign in "_/\\ "):
        raise ValueError(f"expected a modality without blanks, slashes and underscores, got {modality!r}")
    ct_range(window)
    convert_one = partial(
        _convert_named,
        Path(output_dir),
        modality,
        window=window,
        plane=plane,
        threshold=threshold,
        labels=[labels] if isinstance(labels, int) else labels,
        components=components,
        min_size=min_size,
    )
    cases = [(stem, image_files[stem], mask_files[stem]) for stem in sorted(image_files)]
    done = in_parallel(convert_one, cases, engine=engine, workers=workers)
    return sorted(str(path) for _, path in tqdm(done, total=len(cases), desc="converting", disable=None))


def _convert_named(output_dir: Path, modality: str, case: tuple[str, Path, Path], **options: Any) -> Path:
    stem, image, mask = case
    return convert_case(image, mask, output_dir / f"{modality}_{stem}.npz", modality, **options)


def convert_case(
    image: Path,
    mask: Path,
    output: Path,
    modality: str,
    *,
    window: Window = "soft_tissue",
    plane: str = "axial",
    threshold: float | None = None,
    labels: Sequence[int] | None = None,
    components: bool = False,
    min_size: int = 1,
) -> Path:
    """Converts one image with its mask; arguments as of `convert`.

    Objects are numbered from 1 in ``gts``, in the order of their labels, and box i belongs to object i + 1. ``imgs`` is
    uint8, ``(H, W, 3)`` or ``(D, H, W)``; a volume's ``spacing`` is x, y, z: between columns, rows and slices.

    Returns:
        The archive's path: ``output`` with ``2D_`` or ``3D_`` before its name.

    Raises:
        ValueError: when a file is wrong, the two don't fit together, or no object is left.
    """
    spacing: tuple[float, ...] | None = None
    if is_picture(image):
        pixels, values = _picture(image), read_labels(mask, threshold)
        if pixels.shape[:2] != values.shape:
            raise ValueError(f"{mask} is {values.shape[1]}x{values.shape[0]}, but {image} isn't: {pixels.shape[1::-1]}")
    else:
        volume, truth = open_volume(image), open_volume(mask, is_label=True)
        check_same_grid(volume, truth)
        view = PlaneView(volume, plane)
        scale = intensity_range(view, modality, window)
        pixels = stack_slices(view, lambda pixels: np.rint(scale.apply(pixels)).astype(np.uint8))
        values = stack_slices(PlaneView(truth, plane, affine=volume.affine))
        if values.ndim != 3:
            raise ValueError(f"{mask}: expected labels of one channel, got {values.shape[-1]} channels")
        values = whole_labels(values, mask, threshold)
        spacing = view.spacing
    if labels is not None:
        values = np.where(np.isin(values, list(labels)), values, 0)
    objects = _numbered(values, components, min_size)
    if not objects.any():
        among = "" if labels is None else f" among the values {', '.join(map(str, labels))}"
        raise ValueError(f"{mask}: no object of at least {min_size} pixels{among}")
    boxes, _ = mask_boxes(objects)
    target = output.with_name(f"{'2D' if objects.ndim == 2 else '3D'}_{output.name}")
    return write_challenge(target, pixels, boxes=boxes, spacing=spacing, labels=objects)


def _numbered(labels: np.ndarray, components: bool, min_size: int) -> np.ndarray:
    """Objects 1 to N in the smallest type that holds them."""
    count, parts = 0, np.zeros(labels.shape, dtype=np.int64)
    for value in np.unique(labels[labels != 0]):
        if components:
            own, number = ndimage.label(labels == value, structure=np.ones((3,) * labels.ndim))
        else:
            own, number = (labels == value).astype(np.int64), 1
        parts[own > 0] = own[own > 0] + count
        count += number
    sizes = np.bincount(parts.ravel(), minlength=count + 1)
    kept = sizes >= max(min_size, 1)
    kept[0] = False
    numbers = np.where(kept, np.cumsum(kept), 0)
    return numbers[parts].astype(np.min_scalar_type(int(numbers.max())))


def _picture(path: Path) -> np.ndarray:
    """8-bit RGB ``(H, W, 3)``; pictures of more bits are stretched over the range of their values."""
    array = np.asarray(LoadPictured("image")({"image": str(path)})["image"]).transpose(2, 1, 0)
    if array.min() < 0 or array.max() > 255:
        array = (array - array.min()) * (255 / max(float(array.max() - array.min()), 1e-8))
    return np.rint(array).astype(np.uint8)


def _by_stem(folder: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if not is_image(path) or is_archive(path):
            continue
        stem = image_stem(path)
        if stem in found:
            raise ValueError(f"two files for one case {stem!r}: {found[stem]} and {path}")
        found[stem] = path
    if not found:
        raise wrong_layout(folder.parent, f"images in {folder.name}/")
    return found


if __name__ == "__main__":
    run_command(convert, "litemed.datasets.challenge_conversion")
