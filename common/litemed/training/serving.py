# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Training inside a MONAI Label server: start anew from the served weights, and serve what was learnt."""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path
from typing import Any

import torch.distributed as dist
from ignite.engine import Engine, Events
from monai.data import DataLoader, Dataset

from litemed.files import replacing
from litemed.training.resuming import BestWeights, TrainingCheckpoint
from litemed.training.weight_record import read_record, record_path, write_record

__all__ = ["ServedTraining", "is_served"]

logger = logging.getLogger(__name__)

SHIPPED = "model_shipped.pt"


def is_served(bundle_root: str | os.PathLike[str]) -> bool:
    """Whether a bundle runs in the MONAI Label server in whose app it lies.

    The server names its app in ``$MONAI_LABEL_APP_DIR``; the app's bundles are the folders of its ``model``.

    Args:
        bundle_root: folder of the bundle, as the configuration has it.
    """
    app = os.environ.get("MONAI_LABEL_APP_DIR")
    if not app:
        return False
    return Path(app, "model").resolve() == Path(bundle_root).absolute().parent.resolve()


class ServedTraining:
    """What a training does beyond itself in a MONAI Label server; outside of one this does nothing.

    - It starts anew at each request: nothing is resumed.
    - Where one or two labelled images leave none for validation, it validates on the training images.
    - Each time `BestWeights` has saved, ``models/model.pt`` is replaced, in one piece: the next request for a mask is
      answered by it. The weights that the bundle came with stay beside it as ``models/model_shipped.pt``.

    Attach it to the trainer, after the `BestWeights` and the `TrainingCheckpoint` that it is given.

    Args:
        bundle_root: folder of the bundle.
        weights: what keeps the training's weights.
        checkpoint: what would resume the training.
    """

    def __init__(
        self, bundle_root: str | os.PathLike[str], weights: BestWeights, checkpoint: TrainingCheckpoint
    ) -> None:
        self.path = Path(bundle_root) / "models/model.pt"
        self.weights = weights
        self.checkpoint = checkpoint
        self.is_served = is_served(bundle_root)

    def attach(self, engine: Engine) -> None:
        """Register with the trainer."""
        if not self.is_served:
            return
        self.checkpoint.resume = False
        trainer: Any = engine
        validation: Any = self.weights.evaluator
        if len(validation.data_loader) == 0:
            logger.warning("no image is left for validation: scoring on the training images")
            images = Dataset(trainer.data_loader.dataset.data, validation.data_loader.dataset.transform)
            validation.data_loader = DataLoader(images, batch_size=1)
            validation.state.epoch_length = len(images)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        is_first_rank = not dist.is_initialized() or dist.get_rank() == 0
        if not is_first_rank or self.weights.saved_epoch != engine.state.epoch:
            return
        shipped = self.path.with_name(SHIPPED)
        if self.path.exists() and not shipped.exists():
            _copy(self.path, shipped)
        _copy(self.weights.path, self.path)
        logger.info("%s now holds the weights of epoch %d", self.path, engine.state.epoch)


def _copy(source: Path, target: Path) -> None:
    """Copy weights and their record; between the two there is no record rather than another one."""
    record = read_record(source)
    record_path(target).unlink(missing_ok=True)
    with replacing(target) as temporary:
        shutil.copyfile(source, temporary)
    if record is not None:
        write_record(target, {key: value for key, value in record.items() if key not in ("weights", "sha256")})
