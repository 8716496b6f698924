# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""What a bundle is for, and what is known of its weights, from its metadata and their records. Loads no PyTorch."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from litemed.bundles import OFFERS, find_bundle, metadata_of
from litemed.training.weight_record import CheckpointError, read_record, record_path

__all__ = ["as_text", "best_score", "describe", "score_text", "speed_text"]

_TOLD = ("name", "version", "task", "description", "data_type", "intended_use", "references")
_ENTRIES = {
    "scores": {"data", "metric", "mean"},
    "speed": {"input", "seconds", "processor", "runtime"},
    "data": {"name"},
}


def describe(bundle: str | os.PathLike[str]) -> dict[str, Any]:
    """A bundle in plain values.

    Args:
        bundle: its name or folder.

    Returns:
        ``bundle`` and ``folder``; ``name``, ``version``, ``task``, ``description``, ``data_type``, ``intended_use`` and
        ``references`` of its metadata; its ``commands``, ``readers``, ``samples`` and ``applications`` by name; and
        ``weights``, the record of each file in ``models/`` with its ``bytes``, the main one first (docs/weights.md; of
        a file without a record the name alone).

    Raises:
        FileNotFoundError, ValueError: when there is no such bundle, or its metadata or a record can't be read.
    """
    folder = find_bundle(bundle)
    metadata = metadata_of(folder)
    files = sorted((folder / "models").glob("*.pt"), key=lambda file: (file.name != "model.pt", file.name))
    weights = [{"weights": file.name, **_record(file), "bytes": file.stat().st_size} for file in files]
    offered = {kind: metadata["litemed"].get(kind, {}) for kind in OFFERS}
    told = {key: metadata.get(key) for key in _TOLD}
    return {"bundle": folder.name, "folder": str(folder), **told, **offered, "weights": weights}


def _record(weights: Path) -> dict[str, Any]:
    """The record of a file of weights, with its lists in the form that is told of."""
    record = read_record(weights) or {}
    for key, needed in _ENTRIES.items():
        entries = record.get(key, [])
        if not isinstance(entries, list) or not all(
            isinstance(each, dict) and needed <= each.keys() for each in entries
        ):
            raise CheckpointError(
                record_path(weights), f"{key} as a list of {', '.join(sorted(needed))}", f"{entries!r}"
            )
    return record


def as_text(described: dict[str, Any], details: bool = False) -> str:
    """What `describe` found, for reading: a heading and two lines a file of weights, or all of it."""
    lines = [f"{described['bundle']} {described['version']}: {described['task']}"]
    if details:
        lines += [f"  {described[key]}" for key in ("description", "intended_use", "folder") if described[key]]
        lines += [f"  reads {described['data_type']}"] if described["data_type"] else []
    for record in described["weights"]:
        lines.append(f"  {record['weights']}: {', '.join(_size(record))}")
        scores = record.get("scores", [])
        best = best_score(record)
        lines += [f"    {score_text(score)}" for score in (scores if details else [best] if best else [])]
        lines += [f"    {speed_text(speed)}" for speed in record.get("speed", [])[: None if details else 1]]
        if "licence" in record:
            lines.append(f"    licence of the weights: {record['licence'].get('weights', 'unknown')}")
        if details:
            lines += [f"    learnt from {_source(source)}" for source in record.get("data", [])]
    for kind in OFFERS if details else ("commands", "applications"):
        if described[kind] and details:
            lines += [f"  {kind}:", *(f"    {name}: {text}" for name, text in described[kind].items())]
        elif described[kind]:
            lines.append(f"  {kind}: {', '.join(described[kind])}")
    return "\n".join(lines)


def best_score(record: dict[str, Any]) -> dict[str, Any] | None:
    """The first score of a file of weights on real data; on simulated data where there is no other."""
    scores = record.get("scores", [])
    return next((score for score in scores if not score.get("simulated")), scores[0] if scores else None)


def score_text(score: dict[str, Any]) -> str:
    """A score in a line, with its 95 % interval; data that is simulated is called so."""
    interval = f" ({score['low']:g} to {score['high']:g})" if "low" in score else ""
    cases = f", {score['cases']} cases" if "cases" in score and str(score["cases"]) not in score["data"] else ""
    simulated = ", simulated" if score.get("simulated") and "simulated" not in score["data"] else ""
    return f"{score['metric'].replace('_', ' ')} {score['mean']:g}{interval} on {score['data']}{cases}{simulated}"


def speed_text(speed: dict[str, Any]) -> str:
    """Seconds and memory in a line."""
    memory = f", {speed['memory_mib']:,} MiB" if "memory_mib" in speed else ""
    return f"{speed['seconds']:g} s{memory} for {speed['input']} on {speed['processor']} ({speed['runtime']})"


def _size(record: dict[str, Any]) -> list[str]:
    """What a file of weights is of, and how large."""
    architecture = record.get("architecture", {})
    kind = architecture.get("application") or architecture.get("variant") or record.get("network")
    parameters = [f"{record['parameters']:,} parameters"] if "parameters" in record else []
    return [*([kind] if kind else []), *parameters, f"{record['bytes'] / 1e6:.1f} MB"]


def _source(source: dict[str, Any]) -> str:
    simulated = ", simulated" if source.get("simulated") and "simulated" not in source["name"] else ""
    return f"{source['name']} ({source.get('licence', 'licence unknown')}{simulated})"
