# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Real sets into one set of archives, divided by patient."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import prepare_data as data
import pytest
from litemed.datasets.challenge import read_challenge
from litemed.datasets.challenge_cases import load_cases
from litemed.networks import MODALITIES
from PIL import Image


def _picture(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)


def _square(side: int = 40, value: int = 1, low: int = 10, high: int = 20) -> np.ndarray:
    mask = np.zeros((side, side), np.uint8)
    mask[low:high, low:high] = value
    return mask


def _volume(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(array, np.eye(4)), path)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Twelve patients of two pictures, one too large; two volumes; an unseen set; pictures without masks."""
    root, noise = tmp_path / "root", np.random.default_rng(0)
    for number in range(24):
        stem = f"p{number // 2:02d}_{number % 2}"
        side = 2048 if number == 5 else 40
        _picture(root / "nuclei/images" / f"{stem}.png", noise.integers(0, 255, (side, side, 3), dtype=np.uint8))
        _picture(root / "nuclei/masks" / f"{stem}.png", _square(side, 255, side // 4, side // 2))
    for name in ("a", "b"):
        labels = np.zeros((30, 30, 12), np.uint8)
        labels[5:15, 5:15, 2:10] = 1
        labels[20:22, 20:22, 3:10] = 2
        _volume(root / "scans/images" / f"{name}.nii.gz", noise.normal(0, 100, labels.shape).astype(np.float32))
        _volume(root / "scans/masks" / f"{name}.nii.gz", labels)
    _picture(root / "other/images/x.jpg", noise.integers(0, 255, (40, 40), dtype=np.uint8))
    coloured = np.stack([_square(value=255), _square(value=250), _square(value=252)], axis=-1)
    _picture(root / "other/masks/x.jpg", coloured)
    _picture(root / "oct/images/scan.png", np.where(_square(40, 1, 0, 12), 255, 90).astype(np.uint8))
    return root


_ROWS: list[dict[str, Any]] = [
    {"set": "nuclei", "modality": "Microscopy", "licence": "CC0", "use": "seen", "patient": r"^p(\d+)_"},
    {
        "set": "scans",
        "modality": "CT",
        "licence": "CC0",
        "use": "seen",
        "parts": {"test": ["a"]},
        "slices": 3,
        "more": 4,
        "min_size": 10,
    },
    {"set": "other", "modality": "Fundus", "licence": "none", "use": "unseen", "threshold": 127, "new_kind": True},
    {"set": "oct", "modality": "OCT", "licence": "CC0", "use": "pictures"},
    {"set": "absent", "modality": "OCT", "licence": "CC0", "use": "pictures"},
]


def _table(folder: Path, rows: list[dict[str, Any]]) -> str:
    path = folder / "table.json"
    path.write_text(json.dumps(rows))
    return str(path)


def test_parts_share_no_patient_and_hold_every_object(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    data.prepare(root, out, _table(tmp_path, _ROWS))
    assert "absent" in capsys.readouterr().out
    found = {part: sorted(path.stem for path in (out / part).glob("*nuclei*")) for part in ("training", "validation")}
    found["test"] = sorted(path.stem for path in (out / "test/seen").glob("*nuclei*"))
    patients = {part: {stem.split("_")[3] for stem in stems} for part, stems in found.items()}
    assert {part: len(stems) for part, stems in found.items()} == {"training": 14, "validation": 4, "test": 6}
    assert Counter(own for each in patients.values() for own in each) == {f"p{number:02d}": 1 for number in range(12)}
    assert len(load_cases(out, "test")) == 6 + 3 + 1

    large = next(path for path in out.rglob("*p02_1.npz"))
    case = read_challenge(large)
    assert case.images.shape == (1024, 1024, 3)
    assert case.boxes is not None
    assert case.boxes.tolist() == [[256, 256, 511, 511]]

    slices = sorted((out / "test/seen").glob("2D_CT_scans_a_z*.npz"))
    assert [path.stem[-3:] for path in slices] == ["003", "006", "008"]
    for path in slices:
        labels = read_challenge(path).labels
        assert labels is not None
        assert np.bincount(labels.ravel()).tolist() == [800, 100]
    further = sorted((out / "pictures").glob("2D_CT_*"))  # of the training volume alone
    assert [path.stem[-6:] for path in further] == ["b_z001", "b_z004", "b_z007", "b_z010"]
    assert all(read_challenge(path).labels is None for path in further)
    assert not {path.stem for path in further} & {path.stem for path in (out / "training").iterdir()}
    whole = read_challenge(out / "volumes/3D_CT_scans_a.npz")
    assert whole.labels is not None
    assert np.unique(whole.labels).tolist() == [0, 1, 2]
    assert not (out / "volumes/3D_CT_scans_b.npz").exists()

    other = read_challenge(out / "test/unseen/2D_Fundus_other_x.npz")
    assert other.boxes is not None
    assert np.abs(other.boxes - [10, 10, 19, 19]).max() <= 1
    with np.load(out / "pictures/2D_OCT_oct_scan.npz") as archive:
        assert archive.files == ["imgs"]
        assert np.unique(archive["imgs"]).tolist() == [0, 90]
    counts = {(row["set"], row["part"]): row for row in json.loads((out / "counts.json").read_text())}
    assert counts["other", "test/unseen"]["new_kind"] is True
    assert counts["scans", "test/seen"]["pictures"] == 3
    assert (counts["scans", "pictures"]["pictures"], counts["scans", "pictures"]["patients"]) == (4, 1)
    assert counts["nuclei", "training"]["patients"] == 7


def test_patient_stays_in_its_part_when_sets_of_a_family_are_drawn() -> None:
    few = Counter({f"s{number}": 1 for number in range(8)})
    test, validation = data.drawn("family", few)
    assert len(test) == 2
    assert len(validation) == 1
    assert data.drawn("family", few + few)[0] >= test


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"use": "some"}, "a use of seen"),
        ({"set": "a_b"}, "without blanks"),
        ({"modality": "Sonar"}, "Sonar"),
        ({"patient": r"^q(\d+)"}, "no patient in 'p00_0'"),
        ({"colour": 1}, "unknown colour"),
        ({"stems": "^z"}, "no images of nuclei"),
        ({"masks": "other"}, "is no folder"),
    ],
)
def test_wrong_row_writes_nothing(root: Path, tmp_path: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        data.prepare(root, tmp_path / "out", _table(tmp_path, [{**_ROWS[0], **change}]))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["root", "table.json"]


def test_table_of_the_sets_is_sound() -> None:
    rows = [data.check_row(row) for row in json.loads(data.TABLE.read_text())]
    assert len({row["set"] for row in rows}) == len(rows)
    assert {row["modality"] for row in rows} == set(MODALITIES)
    closed = [row for row in rows if "measured only" in row["licence"]]
    assert closed
    assert {row["use"] for row in closed} == {"unseen"}
