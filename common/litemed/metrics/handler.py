# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The metrics of this package as handlers of MONAI's engines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ignite.engine import Engine
from monai.handlers import IgniteMetricHandler

from litemed.metrics.cases import CaseMetric

__all__ = ["ScoreHandler"]


class ScoreHandler(IgniteMetricHandler):
    """Runs a :py:class:`CaseMetric` in an engine, as ``key_val_metric`` or among ``additional_metrics``.

    Attached as ``"val"``, a metric with one score writes ``engine.state.metrics["val"]``, one with several writes
    ``"val_hd95"``, ``"val_nsd"``, .... A key metric needs one score, and one that is always defined. The counts follow
    as ``"val_missed"``, ``"val_undefined"``, .... The values of every case go to ``engine.state.metric_details`` under
    the same names, flags included, so that :py:class:`monai.handlers.MetricsSaver` writes one table for each.

    Args:
        metric_fn: what to compute.
        output_transform: from ``engine.state.output`` to (y_pred, y).
        batch_transform: from ``engine.state.batch`` to what the metric takes for each case, its regions or spacings.
        save_details: whether to keep the values of every case.

    Example:
        In a configuration, with Dice inside the field of view as the key metric::

            "key_metric": {
                "val_dice": {
                    "_target_": "litemed.metrics.ScoreHandler",
                    "metric_fn": {"_target_": "litemed.metrics.OverlapMetric", "scores": "dice"},
                    "output_transform": "$monai.handlers.from_engine(['pred', 'label'])",
                    "batch_transform": "$monai.handlers.from_engine('fov')"
                }
            }
    """

    metric_fn: CaseMetric

    def __init__(
        self,
        metric_fn: CaseMetric,
        output_transform: Callable = lambda x: x,
        batch_transform: Callable | None = None,
        save_details: bool = True,
    ) -> None:
        super().__init__(metric_fn=metric_fn, output_transform=output_transform, save_details=save_details)
        self.batch_transform = batch_transform

    def iteration_completed(self, engine: Engine) -> None:
        """Score the cases of one iteration, all at once. (Ignite's own would hand over the items of a list singly.)"""
        y_pred, y = self._output_transform(engine.state.output)
        batch = (
            {}
            if self.batch_transform is None
            else {self.metric_fn.case_input: self.batch_transform(engine.state.batch)}
        )
        self.metric_fn(y_pred, y, **batch)

    def compute(self) -> dict[str, Any]:
        """The reduced scores and the counts, by the names they get in the engine."""
        results: dict[str, Any] = {}
        for score, (value, _) in self.metric_fn.reduced().items():
            results[self._label(score)] = value.item() if value.numel() == 1 else value
        return results | {f"{self._name}_{count}": number for count, number in self.metric_fn.counts().items()}

    def completed(self, engine: Engine, name: str) -> None:
        """Write the results, and the values of every case, into the state of the engine."""
        engine.state.metrics.update(self.compute())
        if self.save_details:
            details = {self._label(score): values for score, values in self.metric_fn.details().items()}
            details |= {f"{name}_{flag}": values for flag, values in self.metric_fn.flagged().items()}
            engine.state.metric_details.update(details)  # type: ignore[attr-defined]

    def _label(self, score: str) -> str:
        return str(self._name) if self.metric_fn.single else f"{self._name}_{score}"
