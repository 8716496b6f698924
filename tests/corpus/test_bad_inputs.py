# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The corpus of bad inputs: each is refused in a clear line that names it, or read as independent tools read it."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import bad_inputs as corpus
import numpy as np
import pytest
import torch
from litemed.images.box_files import read_boxes
from litemed.images.boxes import check_boxes
from litemed.images.labelme import labelme_map
from litemed.images.masks import read_mask
from litemed.images.pictures import read_picture
from litemed.images.volumes import open_volume
from litemed.tools.packaging.archives import unpack
from litemed.training.checkpoints import load_checkpoint
from tfnet.collab.video import open_source

Case = corpus.Case
LONGEST = 600  # characters of a message
LARGEST = 1 << 28  # bytes that a header may claim and still be tried


def _voxels(path: Path) -> np.ndarray:
    volume = open_volume(path)
    if np.prod(volume.shape, dtype=float) * 8 > LARGEST:
        raise ValueError(f"{path.name} claims {volume.shape} voxels")
    slices = [volume.read_slice(volume.slowest_axis, index) for index in range(volume.shape[volume.slowest_axis])]
    return np.stack(slices, axis=volume.slowest_axis).squeeze()


def _two_boxes(path: Path | str) -> np.ndarray:
    read = [check_boxes(given.corners((48, 64)), (48, 64), given.source)[0] for given in read_boxes(path).values()]
    return np.concatenate(read)


def _film(path: Path) -> list[float | None]:
    return [None if frame.image is None else float(frame.image.mean()) for frame in open_source(path).read()]


def _weights(path: Path) -> None:
    load_checkpoint(torch.nn.Linear(3, 2), path)


def _unpacked(path: Path) -> Path:
    folder = path.with_suffix(".unpacked")
    folder.mkdir(exist_ok=True)
    return unpack(path, folder)


def _subfolder(root: Path, name: str) -> Path:
    folder = root / name
    folder.mkdir()
    return folder


def _texts(folder: Path, suffix: str, texts: tuple[str, ...], read: Callable[[Path], Any]) -> Iterator[Any]:
    for number, text in enumerate(texts):
        path = folder / f"{number:02d}{suffix}"
        path.write_bytes(text.encode("latin-1" if "\xff" in text else "utf-8"))
        yield Case(f"{suffix} {text[:40]!r}", path, read)


def picture_cases(root: Path) -> Iterator[Any]:
    whole = corpus.pictures(_subfolder(root, "whole"))
    for path in whole.values():
        for name, bad in corpus.damaged(path, _subfolder(root, f"damaged{path.suffix}")):
            yield Case(name, bad, read_picture, corpus.by_pillow, whole=path)
            yield Case(f"mask {name}", bad, lambda file: read_mask(file, 128).labels)
    for name, bad in corpus.misnamed(whole, _subfolder(root, "misnamed")):
        yield Case(name, bad, read_picture, corpus.by_pillow)


def volume_cases(root: Path) -> Iterator[Any]:
    whole = corpus.volumes(_subfolder(root, "whole"))
    judges = {".nii": corpus.by_nibabel, ".nii.gz": corpus.by_nibabel, ".npz": corpus.by_numpy}
    for suffix, path in whole.items():
        for name, bad in corpus.damaged(path, _subfolder(root, f"damaged{suffix}")):
            yield Case(f"{suffix}: {name}", bad, _voxels, judges.get(suffix, corpus.by_itk), whole=path)
    for name, bad in corpus.misnamed(whole, _subfolder(root, "misnamed")):
        yield Case(name, bad, _voxels)
    for name, bad in corpus.nifti_lies(whole[".nii"], _subfolder(root, "lies")):
        yield Case(name, bad, _voxels, corpus.by_nibabel)
    (root / "secret.raw").write_bytes(bytes(16))
    yield from _texts(_subfolder(root, "headers"), ".nrrd", corpus.NRRD_HEADERS, _voxels)
    yield from _texts(_subfolder(root, "meta"), ".mha", corpus.META_HEADERS, _voxels)


def dicom_cases(root: Path) -> Iterator[Any]:
    whole = corpus.dicom_file(root / "slice.dcm")
    for name, bad in corpus.damaged(whole, _subfolder(root, "damaged"), head=900):
        yield Case(name, bad, _voxels, corpus.by_pydicom, whole=whole)
    for number, changes in enumerate(corpus.DICOM_LIES):
        path = corpus.dicom_file(root / f"lie{number:02d}.dcm", **changes)
        yield Case(f".dcm {changes}", path, _voxels, corpus.by_pydicom)
    yield Case("an empty folder", _subfolder(root, "empty"), _voxels)
    yield Case("no such file", root / "gone.dcm", _voxels)


def text_cases(root: Path) -> Iterator[Any]:
    for text in corpus.BOX_TEXTS:
        yield Case(f"box {text!r}", root, lambda _, given=text: _two_boxes(given), None, " ")
    yield from _texts(_subfolder(root, "json"), ".json", corpus.JSON_TEXTS, _two_boxes)
    yield from _texts(_subfolder(root, "csv"), ".csv", corpus.CSV_TEXTS, _two_boxes)
    yield from _texts(_subfolder(root, "labelme"), ".json", corpus.LABELME_TEXTS, labelme_map)


def film_cases(root: Path) -> Iterator[Any]:
    for name, codec in (("film.mp4", "libx264"), ("film.avi", "mjpeg"), ("film.mkv", "mpeg4")):
        whole = corpus.video(root / name, codec)
        for what, bad in corpus.damaged(whole, _subfolder(root, f"damaged{whole.suffix}"), head=2000):
            yield Case(what, bad, _film)


def other_cases(root: Path) -> Iterator[Any]:
    for name, bad in corpus.zips(_subfolder(root, "zips")):
        yield Case(f"zip {name}", bad, _unpacked)
    for name, bad in corpus.checkpoints(_subfolder(root, "weights")):
        yield Case(f"weights {name}", bad, _weights)


KINDS = (picture_cases, volume_cases, dicom_cases, text_cases, film_cases, other_cases)
COUNTED: Counter[str] = Counter()


def _same(ours: Any, theirs: np.ndarray) -> bool:
    ours = np.asarray(ours).squeeze()
    return ours.shape == theirs.shape and bool(np.allclose(ours, theirs, rtol=1e-5, atol=1e-4, equal_nan=True))


def _outcome(case: Any) -> str:
    """``clear``, ``right``, or what else happened."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = case.read(case.path)
    except (ValueError, OSError) as error:
        message = str(error)
        if "\n" in message.strip() or len(message) > LONGEST:
            return f"a message of {len(message)} characters: {message[:200]!r}"
        return "clear" if case.named in message or case.named == " " else f"a message without the name: {message!r}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    if case.judge is None:
        return "right"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs = case.judge(case.path)
    except Exception as error:
        if case.whole is not None and _same(value, case.judge(case.whole)):
            return "right"
        return f"read, though another tool refuses it ({type(error).__name__}: {str(error)[:120]})"
    return "right" if _same(value, theirs) else "another value than another tool's"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_bad_inputs_are_refused_or_read_right(kind: Callable[[Path], Iterator[Any]], tmp_path: Path) -> None:
    outcomes = [(case.name, _outcome(case)) for case in kind(tmp_path)]
    COUNTED.update(outcome if outcome in ("clear", "right") else "else" for _, outcome in outcomes)
    wrong = [f"{name}: {outcome}" for name, outcome in outcomes if outcome not in ("clear", "right")]
    assert wrong == [], f"{len(wrong)} of {len(outcomes)}:\n" + "\n".join(wrong)
    assert list(tmp_path.rglob("executed")) == []
    assert list(tmp_path.rglob("evil")) == []


def test_the_corpus_is_large() -> None:
    """After the tests above, in the same process."""
    if len(COUNTED) == 0:
        pytest.skip("none of the corpus ran in this process")
    print(dict(COUNTED))
    assert COUNTED["clear"] + COUNTED["right"] >= 400
