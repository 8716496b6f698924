# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""What is installed, what this computer can do, and what to do about what lacks."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from pathlib import Path
from typing import Any

import torch

import litemed
from litemed.bundles import bundle_folders, metadata_of, where_to_put
from litemed.tools.info import describe
from litemed.training.weight_record import CheckpointError, check_record

__all__ = ["diagnose", "processor_name", "report"]

_NEEDED = ("monai", "torch", "numpy", "scipy", "scikit-image", "nibabel", "itk", "pytorch-ignite", "mlflow", "pillow")
_OPTIONAL = {
    "onnxruntime": "export: faster inference on a CPU",
    "openvino": "export: the fastest inference on most CPUs",
    "onnx": "export: writing ONNX",
    "onnxscript": "export: writing ONNX",
    "pydicom": "dicom: DICOM series",
    "highdicom": "dicom: results as DICOM SEG",
    "av": "video: reading and writing video",
    "ray": "ray: scoring and converting on many computers",
}
"""Packages beyond the needed ones: the extra of litemed that brings each, and what it is for."""
_FEATURES = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "neon", "asimd")
_FITS, _NONE = "of its record", "no record"
_VECTORS = {"avx512f": "AVX-512", "avx2": "AVX2"}


def diagnose() -> dict[str, Any]:
    """Versions, processor, runtimes and bundles, with advice on each thing that lacks.

    Returns:
        a dict with ``litemed``, ``python``, ``packages`` (version or None), ``optional``, ``cpu``, ``gpu``, ``bundles``
        (of each version, folder, weights, whether these are what their records are of, needed packages, and what is
        wrong with its metadata or records) and ``advice``, a list of sentences, empty when all is well.
    """
    packages = {name: _version(name) for name in _NEEDED}
    optional = {name: _version(name) for name in _OPTIONAL}
    advice = [f"pip install {name}" for name, version in packages.items() if version is None]
    for name, version in optional.items():
        extra, _, purpose = _OPTIONAL[name].partition(": ")
        advice += [f"pip install litemed[{extra}]: {name}, for {purpose}"] if version is None else []
    bundles = {name: _bundle(folder) for name, folder in bundle_folders().items()}
    if not bundles:
        advice.append(f"no bundle found: {where_to_put()}")
    for name, found in bundles.items():
        lacking = [package for package in found["needs"] if _version(package) is None]
        advice += [f"pip install {' '.join(lacking)}: for bundle {name}"] if lacking else []
        advice += [] if found["weights"] else [f"bundle {name} has no weights in models/: train it or get it again"]
        advice += [said for said in found["records"].values() if said not in (_FITS, _NONE)]
        lone = [file for file, said in found["records"].items() if said == _NONE]
        advice += (
            [f"bundle {name}: nothing is known of {', '.join(lone)}: copy the .json beside it too"] if lone else []
        )
        advice += [found["error"]] if found["error"] else []
    return {
        "litemed": litemed.__version__,
        "python": platform.python_version(),
        "packages": packages,
        "optional": optional,
        "cpu": {
            "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
            "torch_threads": torch.get_num_threads(),
            "torch_capability": torch.backends.cpu.get_cpu_capability(),
            "features": _cpu_features(),
        },
        "gpu": [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())],
        "bundles": bundles,
        "advice": advice,
    }


def report(found: dict[str, Any]) -> str:
    """What `diagnose` found, for reading."""
    cpu = found["cpu"]
    lines = [f"litemed {found['litemed']}, Python {found['python']}"]
    lines += [f"  {name:<16}{version or 'not installed'}" for name, version in found["packages"].items()]
    lines += [f"  {name:<16}{version or 'not installed'} (optional)" for name, version in found["optional"].items()]
    lines.append(f"CPU: {cpu['cores']} cores, torch uses {cpu['torch_threads']} threads and {cpu['torch_capability']}")
    lines.append(f"  {' '.join(cpu['features']) or 'features unknown'}")
    lines.append(f"GPU: {', '.join(found['gpu']) or 'none'}")
    lines.append("Bundles:")
    for name, bundle in found["bundles"].items():
        states = {
            file: said if said in (_FITS, _NONE) else "not of its record" for file, said in bundle["records"].items()
        }
        sizes = bundle["weights"].items()
        weights = ", ".join(f"{file} ({size / 1e6:.1f} MB, {states.get(file, _NONE)})" for file, size in sizes)
        lines.append(f"  {name} {bundle['version']} in {bundle['folder']}: {weights or 'no weights'}")
    lines += ["To do:", *(f"  {sentence}" for sentence in found["advice"])] if found["advice"] else ["All is well."]
    return "\n".join(lines)


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def processor_name() -> str:
    """The processor's name, widest vector instructions and threads, where the system tells them."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    told = dict(line.split("\t: ", 1) for line in lines if "\t: " in line)
    vector = next((name for flag, name in _VECTORS.items() if flag in told.get("flags", "").split()), "")
    name = told.get("model name") or platform.processor() or platform.machine() or "unknown processor"
    return f"{name}{f' ({vector})' if vector else ''}, {os.cpu_count()} threads"


def _cpu_features() -> list[str]:
    """The processor's vector instructions, where the system tells them."""
    info = Path("/proc/cpuinfo")
    words = set(info.read_text().lower().split()) if info.is_file() else set()
    return [feature for feature in _FEATURES if feature in words]


def _record(weights: Path) -> str:
    """Whether a file of weights is what its record is of; if not, what to do about it."""
    try:
        return _NONE if check_record(weights) is None else _FITS
    except CheckpointError as wrong:
        return str(wrong)


def _bundle(folder: Path) -> dict[str, Any]:
    error, metadata, records = None, {}, {}
    try:
        metadata = metadata_of(folder)
        records = {
            each["weights"]: _record(folder / "models" / each["weights"]) for each in describe(folder)["weights"]
        }
    except (OSError, ValueError) as wrong:
        error = str(wrong)
    return {
        "version": metadata.get("version"),
        "folder": str(folder),
        "weights": {file.name: file.stat().st_size for file in sorted((folder / "models").glob("*.pt"))},
        "records": records,
        "needs": metadata.get("required_packages_version", {}),
        "error": error,
    }
