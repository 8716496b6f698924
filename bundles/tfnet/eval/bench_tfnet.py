# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Speed on this CPU of TF-Net, of TF-Collab's other networks and whole pipeline, and of the paper's baselines.

``networks``: each of the pipeline's three networks in eager mode as it is trained, fused, and in every runtime, in ms
and in percent of the machine's measured peak; masks must stay equal. ``peers``: TF-Net mini0 against the eleven
baselines of the paper's table on MobileOne-s0, all fused, in one runtime. ``pipeline``: TF-Collab over a simulated
video of 1280x960 pixels, in frames a second, with its stages.

What is compared is timed in turns, round by round, and ratios are medians of the rounds' own ratios: another program on
the machine then disturbs all alike. Networks without shipped weights run with random ones. Everything runs in the
peers' environment, which is made at the first run. Ends with 1 when a target is missed.

Run:
    python bundles/tfnet/eval/bench_tfnet.py [networks] [peers] [pipeline] [--threads 2] [--baselines pspnet]
        [--output_dir OUT]
"""

from __future__ import annotations

import argparse
import copy
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from peers import BASELINES, ENVIRONMENT, ROOT, baseline, declare_operators, environment, fused

if TYPE_CHECKING:
    import numpy as np
    import torch
    from tfnet.collab import Rings
    from torch import nn

SECTIONS = ("networks", "peers", "pipeline")
MODELS = ROOT / "bundles" / "tfnet" / "models"
SIDE = 512
PEAK_SIDE = 1024
LEAST_SPEED_UP = 5.0
"""Of TF-Net's fastest f32 runtime over its own unfused eager mode."""
PUBLISHED_RATE = 33.8
"""Frames a second of the paper's pipeline on a CPU."""
LARGEST_ERROR = 1e-4
"""Of a runtime's f32 output, relative to the largest value of the eager one."""

OURS = "TF-Net mini0"
BOX_OUTPUTS = 13
RUNTIME_TITLES = {
    ("torch", "f32"): "channels last, fused",
    ("onnxruntime", "f32"): "ONNX Runtime",
    ("openvino", "f32"): "OpenVINO f32",
    ("openvino", "bf16"): "OpenVINO bf16",
}

Rows = list[dict[str, Any]]


CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}


def interleaved(
    calls: Mapping[str, Callable[[], Any]], rounds: int, clock: Callable[[], float] = time.perf_counter
) -> dict[str, list[float]]:
    """Time calls in turns.

    Args:
        calls: what to time, by name; each is called once before each time, so that threads which another one keeps
            spinning have come to rest.
        rounds: how often each is timed.
        clock: in seconds.

    Returns:
        milliseconds of each call in each round.
    """
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            call()
            start = clock()
            call()
            times[name].append(1e3 * (clock() - start))
    return times


def speed_up(reference: Sequence[float], times: Sequence[float]) -> float:
    """Median over the rounds of the reference's time over the other's."""
    return statistics.median(one / other for one, other in zip(reference, times, strict=True))


def percent_of_peak(gmac: float, milliseconds: float, peak: float) -> float:
    """Share of the peak, in GFLOP/s, at which so many GMAC are done; one MAC is two operations."""
    return 100 * 2 * gmac / (milliseconds * 1e-3) / peak


def markdown(rows: Rows) -> str:
    """Rows of equal keys as a table."""
    heads = list(rows[0])
    lines = [heads, ["---"] * len(heads), *([_cell(row[head]) for head in heads] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: Any) -> str:
    if not isinstance(value, float):
        return str(value)
    return f"{value:.0e}" if 0 < abs(value) < 1e-3 else f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"


def cpu_name() -> str:
    """The processor, as the system calls it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    named = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()


def count_gmac(network: nn.Module, shape: Sequence[int]) -> float:
    """Multiplications of the convolutions and matrix products, in 1e9, as torch's FlopCounterMode counts (halved)."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    shapes_only = copy.deepcopy(network).to("meta")
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        shapes_only(torch.zeros(*shape, device="meta"))
    return counter.get_total_flops() / 2e9


def millions(network: nn.Module) -> float:
    """Parameters, in 1e6."""
    return sum(parameter.numel() for parameter in network.parameters()) / 1e6


def runtimes() -> list[tuple[str, str]]:
    """Runtime and precision of what is timed: all in f32, OpenVINO in bf16 too where the processor has it."""
    from litemed.deploy.runtimes import available_runtimes, openvino_core

    found = [(name, "f32") for name in reversed(available_runtimes())]
    if "BF16" in openvino_core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        found.append(("openvino", "bf16"))
    return found


def measure_peak(threads: int, rounds: int, clock: Callable[[], float]) -> tuple[float, str]:
    """The most GFLOP/s that any runtime reaches in f32 on a product of two square matrices, and which one."""
    import torch
    from litemed.deploy.runtimes import available_runtimes, deploy
    from torch import nn

    class Product(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.rand(PEAK_SIDE, PEAK_SIDE))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x @ self.weight

    torch.manual_seed(0)
    network, x = Product().eval(), torch.rand(PEAK_SIDE, PEAK_SIDE)
    calls = {
        name: partial(deploy(network, (PEAK_SIDE, PEAK_SIDE), name, threads=threads), x)
        for name in available_runtimes()
    }
    least = {name: min(times) for name, times in interleaved(calls, rounds, clock).items()}
    best = min(least, key=lambda name: least[name])
    return 2 * PEAK_SIDE**3 / (least[best] * 1e-3) / 1e9, best


def pipeline_networks() -> dict[str, tuple[nn.Module, tuple[int, ...], str]]:
    """The three networks by title, with the shapes that the pipeline runs them at and the names of their weights."""
    from tfnet import FrameClassifier, RingDetector, TFNet

    return {
        OURS: (TFNet(), (1, 3, SIDE, SIDE), "model.pt"),
        "frame classifier": (FrameClassifier(in_channels=1), (1, 1, 256, 256), "model_classifier.pt"),
        "ring detector": (RingDetector(in_channels=1), (1, 1, 320, 240), "model_detector.pt"),
    }


def simulated_input(shape: Sequence[int]) -> torch.Tensor:
    """A broken frame as a network sees it: the whole frame, or for a square input the outside box."""
    import numpy as np
    import torch
    from PIL import Image
    from tfnet.readers.tfm import TFM_CLASSES
    from tfnet.simulation.video import TearFilmVideo

    video = TearFilmVideo(0)
    frame = video[video.labels.index(TFM_CLASSES.index("broken"))]
    picture = Image.fromarray(frame.image)
    if shape[2] == shape[3]:
        boxes: Any = frame.boxes
        left, top, right, bottom = (int(edge) for edge in boxes[2])
        picture = picture.crop((left, top, right, bottom))
    values = np.asarray(picture.resize((shape[2], shape[3]), Image.Resampling.BILINEAR), dtype=np.float32).T / 255
    return torch.from_numpy(values.copy()).expand(1, shape[1], -1, -1).contiguous()


def bench_networks(options: argparse.Namespace, peak: float) -> tuple[dict[str, Rows], list[str]]:
    """Every network in every runtime, and the targets that were missed."""
    import torch
    from litemed.deploy.runtimes import deploy
    from litemed.networks.reparam import fuse

    table: Rows = []
    missed: list[str] = []
    for title, (network, shape, weights) in pipeline_networks().items():
        rows: Rows = []
        trained = load_weights(network, options.models_dir / weights)
        network.eval()
        image = simulated_input(shape)
        gmac = {"eager": count_gmac(network, shape)}

        @torch.inference_mode()
        def eager(network: nn.Module, image: torch.Tensor) -> torch.Tensor:
            return network(image)

        calls = {"eager, as trained": partial(eager, network, image)}
        slim = fuse(copy.deepcopy(network))
        gmac["fused"] = count_gmac(slim, shape)
        calls["eager, fused"] = partial(eager, slim, image)
        for runtime, precision in runtimes():
            run = deploy(copy.deepcopy(slim), shape, runtime, precision, options.threads, options.cache_dir)
            calls[RUNTIME_TITLES[runtime, precision]] = partial(run, image)
        expected = calls["eager, as trained"]()
        times = interleaved(calls, options.rounds, CLOCKS[options.clock])
        for name, call in calls.items():
            output, spent = call(), statistics.median(times[name])
            ratio = speed_up(times["eager, as trained"], times[name])
            error = float((output - expected).abs().max() / expected.abs().max())
            work = gmac["eager" if name == "eager, as trained" else "fused"]
            row = {
                "network": title + ("" if trained else ", random weights"),
                "runtime": name,
                "ms": spent,
                "times eager": ratio,
                "% of peak": percent_of_peak(work, spent, peak),
                "relative error": error,
                "decisions that differ": differing(output, expected),
            }
            rows.append(row)
            if name.endswith("bf16"):
                continue
            if error > LARGEST_ERROR or row["decisions that differ"]:
                missed.append(
                    f"{title}, {name}: error {error:.1e}, decisions that differ {row['decisions that differ']}"
                )
        print(markdown(rows), end="\n\n", file=sys.stderr, flush=True)
        table += rows
        if title == OURS:
            best = max(row["times eager"] for row in rows if "bf16" not in row["runtime"])
            if best < LEAST_SPEED_UP:
                missed.append(f"{title}: fastest f32 runtime {best:.1f} times eager, below {LEAST_SPEED_UP}")
    return {"networks": table}, missed


def load_weights(network: nn.Module, path: Path) -> bool:
    """Load weights where they are there; tell whether they were."""
    from litemed.training.checkpoints import load_checkpoint

    if not path.exists():
        return False
    load_checkpoint(network, path)
    return True


def differing(output: torch.Tensor, expected: torch.Tensor) -> int:
    """Pictures or pixels whose most likely class differs; for boxes, those that moved by a hundredth of a pixel."""
    if output.shape[1] == BOX_OUTPUTS:
        return int(((output - expected)[:, 1:].abs() * 1280 > 0.01).sum())
    return int((output.argmax(dim=1) != expected.argmax(dim=1)).sum())


def bench_peers(options: argparse.Namespace, peak: float) -> tuple[dict[str, Rows], list[str]]:
    """TF-Net and the baselines, fused, in eager mode and in one runtime, and the target if it was missed."""
    import torch
    from litemed.deploy.runtimes import deploy
    from litemed.networks.reparam import fuse
    from tfnet import TFNet

    shape = (1, 3, options.side, options.side)
    image = simulated_input(shape)
    facts: dict[str, tuple[float, float, float, float]] = {}
    calls: dict[str, dict[str, Callable[[], Any]]] = {"torch": {}, options.runtime: {}}
    for name in (OURS, *options.baselines):
        torch.manual_seed(0)
        network = (TFNet() if name == OURS else baseline(name)).eval()
        slim = fuse(copy.deepcopy(network)) if name == OURS else fused(network)
        facts[name] = (millions(network), millions(slim), count_gmac(network, shape), count_gmac(slim, shape))
        for runtime, found in calls.items():
            run = deploy(copy.deepcopy(slim), shape, runtime, threads=options.threads, cache_dir=options.cache_dir)
            found[name] = partial(run, image)
        print(f"ready: {name}", file=sys.stderr, flush=True)
    times = {
        runtime: interleaved(found, options.peer_rounds, CLOCKS[options.clock]) for runtime, found in calls.items()
    }
    rows = [
        peer_row(name, facts[name], {runtime: (found[name], found[OURS]) for runtime, found in times.items()})
        for name in facts
    ]
    fastest = RUNTIME_TITLES[options.runtime, "f32"]
    slower = [row[f"times TF-Net's, {fastest}"] for row in rows if row["network"] == BASELINES["pspnet"].title]
    return {"peers": rows}, [f"TF-Net takes {1 / each:.2f} times as long as PSPNet" for each in slower if each <= 1]


def peer_row(
    name: str, facts: tuple[float, float, float, float], times: Mapping[str, tuple[Sequence[float], Sequence[float]]]
) -> dict[str, Any]:
    """A row of the table of peers.

    Args:
        name: of the network.
        facts: its parameters in millions, trained and fused, and its GMAC, trained and fused.
        times: by runtime, its milliseconds round by round, and TF-Net's.
    """
    published = BASELINES.get(name)
    row: dict[str, Any] = {
        "network": published.title if published else name,
        "M parameters, trained / fused": f"{facts[0]:.2f} / {facts[1]:.2f}",
        "GMAC, trained / fused": f"{facts[2]:.2f} / {facts[3]:.2f}",
    }
    for runtime, (spent, ours) in times.items():
        title = RUNTIME_TITLES[runtime, "f32"]
        row[f"ms, {title}"] = statistics.median(spent)
        row[f"times TF-Net's, {title}"] = speed_up(spent, ours)
    return row


class Guided:
    """The pipeline's models at their full cost, but with classes and rings of the simulation's truth.

    So the times don't depend on how well the models are trained.

    Args:
        models: the models.
        frames: all frames of the video.
        truth: class and boxes of each, see ``videos/<part>/<name>.json`` of the simulated sample.
        all_broken: whether every frame counts as broken, which is the most work there is.
    """

    def __init__(
        self, models: Any, frames: Sequence[np.ndarray], truth: Sequence[dict[str, Any]], all_broken: bool
    ) -> None:
        self._models = models
        self.workers = models.workers
        self.identity = f"{models.identity}, guided"
        self._truth = {_fingerprint(frame): known for frame, known in zip(frames, truth, strict=True)}
        self._all_broken = all_broken
        self._boxes = next(known["boxes"] for known in truth if known["boxes"])
        self.stages = Stages()

    def classify(self, frame: np.ndarray) -> np.ndarray:
        import numpy as np
        from tfnet import CLASSES

        with self.stages("detect and classify"):
            self._models.classify(frame)
        name = "broken" if self._all_broken else self._truth[_fingerprint(frame)]["class"]
        return np.asarray([float(name == each) for each in CLASSES])

    def detect(self, frame: np.ndarray) -> Rings:
        import numpy as np
        from tfnet.collab import Rings

        with self.stages("detect and classify"):
            self._models.detect(frame)
        boxes = self._truth[_fingerprint(frame)]["boxes"] or self._boxes
        return Rings(np.asarray([boxes[name] for name in ("inside", "middle", "outside")]))

    def segment(self, crop: np.ndarray) -> np.ndarray:
        with self.stages("segment"):
            return self._models.segment(crop)


def _fingerprint(frame: np.ndarray) -> bytes:
    return frame[::40, ::40].tobytes()


class Stages:
    """Sums of wall and processor time by stage; each stage is a ``with`` statement."""

    def __init__(self) -> None:
        self.wall: dict[str, float] = {}
        self.cpu: dict[str, float] = {}

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        self.wall[name] = self.wall.get(name, 0.0) + time.perf_counter() - wall
        self.cpu[name] = self.cpu.get(name, 0.0) + time.process_time() - cpu


def stage_rows(title: str, stages: Stages, count: int) -> Rows:
    """Milliseconds a frame of each stage."""
    return [
        {
            "video": title,
            "stage": name,
            "ms a frame": 1e3 * stages.wall[name] / count,
            "CPU ms a frame": 1e3 * cpu / count,
        }
        for name, cpu in stages.cpu.items()
    ]


def bench_pipeline(options: argparse.Namespace, peak: float) -> tuple[dict[str, Rows], list[str]]:
    """Rates of the whole pipeline, its stages, and the targets that were missed."""
    from tfnet.collab import Networks, analyse, open_source
    from tfnet.simulation.writing import tearfilm

    video = options.video or sorted(tearfilm().glob("videos/test/*.mp4"))[0]
    truth = json.loads(video.with_suffix(".json").read_text())["frames"]
    frames: list[Any] = [frame.image for frame in open_source(video).read()]
    rates: Rows = []
    stages: Rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = complete_models(options.models_dir, Path(name) / "models")
        models = Networks(folder, runtime=options.runtime, threads=options.threads)
        for title, all_broken in (("as simulated", False), ("all frames broken", True)):
            guided = Guided(models, frames, truth, all_broken)
            wall, cpu = [], []
            for _ in range(options.pipeline_rounds):
                start = time.perf_counter(), time.process_time()
                recording = analyse(video, Path(name) / "out", guided, progress=False)["recording"]
                wall.append(time.perf_counter() - start[0])
                cpu.append(time.process_time() - start[1])
            broken = len(frames) if all_broken else sum(known["class"] == "broken" for known in truth)
            rates.append(
                {
                    "video": f"{title}: {broken} of {len(frames)} frames broken",
                    "classified": f"{recording['classified_frames']} of {len(frames)}",
                    "frames/s": len(frames) / statistics.median(wall),
                    "slowest run": len(frames) / max(wall),
                    "CPU ms a frame": 1e3 * statistics.median(cpu) / len(frames),
                    f"frames/s of {options.threads} free cores": len(frames) * options.threads / statistics.median(cpu),
                }
            )
            stages += staged(title, video, Path(name) / "staged", guided)
    slowest = rates[0]["slowest run"]
    missed = [] if slowest > PUBLISHED_RATE else [f"pipeline: {slowest:.1f} frames/s in a run, below {PUBLISHED_RATE}"]
    return {"pipeline": rates, "stages": stages}, missed


def staged(title: str, video: Path, folder: Path, guided: Guided) -> Rows:
    """The stages one after the other, on one frame at a time."""
    from dataclasses import asdict

    from tfnet.collab import Options, open_source
    from tfnet.collab.chunks import Chunks
    from tfnet.collab.frames import Onset, find
    from tfnet.collab.report import write_results

    guided.workers, guided.stages, whole = 1, Stages(), Stages()
    source, choices = open_source(video), Options()
    with whole("decode"):
        frames = list(source.read())
    with whole("find"):
        found = list(find(frames, guided, choices.gate, choices.smooth, Onset(), not choices.every_frame))
    chunks = Chunks(folder / title, {"title": title}, source.frame_rate)
    with whole("draw, encode, write masks"):
        chunks.write(0, found, (source.height, source.width))
    (folder / title / "result").mkdir()
    with whole("tables, plots, page"):
        write_results(folder / title / "result", chunks, source, asdict(choices), guided.identity)
    for mine, inner in ((whole.wall, guided.stages.wall), (whole.cpu, guided.stages.cpu)):
        mine["crop, count, map back"] = mine.pop("find") - sum(inner.values())
        mine.update(inner)
    return stage_rows(title, whole, len(frames))


def complete_models(given: Path, made: Path) -> Path:
    """A folder with the three networks' weights: the shipped ones, and random ones for those that lack."""
    import torch

    made.mkdir(parents=True)
    torch.manual_seed(0)
    for network, _, name in pipeline_networks().values():
        load_weights(network, given / name)
        torch.save(network.state_dict(), made / name)
    return made


def report(result: dict[str, Any]) -> str:
    """The result as text in Markdown."""
    setting = result["setting"]
    versions = f"torch {setting['torch']}, OpenVINO {setting['openvino']}"
    peak = f"{setting['peak']:.0f} GFLOP/s in f32 ({setting['peak_by']}, two matrices of {PEAK_SIDE} x {PEAK_SIDE})"
    lines = [
        f"{setting['cpu']}, {setting['threads']} threads, {setting['clock']} time; {versions}; measured peak {peak}. "
        "Simulated pictures."
    ]
    for name in ("networks", "peers", "pipeline", "stages"):
        if result.get(name):
            lines += ["", f"### {name}", "", markdown(result[name])]
    lines += ["", *(f"MISSED: {target}" for target in result["missed"])]
    return "\n".join(lines).rstrip() + "\n"


def measure(options: argparse.Namespace) -> int:
    """All sections; this part runs in the peers' environment."""
    declare_operators()
    import openvino
    import torch

    torch.set_num_threads(options.threads)
    peak, peak_by = measure_peak(options.threads, options.rounds, CLOCKS[options.clock])
    result: dict[str, Any] = {
        "setting": {
            "cpu": cpu_name(),
            "threads": options.threads,
            "clock": options.clock,
            "torch": torch.__version__,
            "openvino": openvino.__version__.split("-")[0],
            "peak": peak,
            "peak_by": peak_by,
        },
        "missed": [],
    }
    sections = {"networks": bench_networks, "peers": bench_peers, "pipeline": bench_pipeline}
    for name in options.sections:
        tables, missed = sections[name](options, peak)
        result |= tables
        result["missed"] += missed
        save(result, options.output_dir)
    print(report(result))
    return 1 if result["missed"] else 0


def save(result: dict[str, Any], folder: Path | None) -> None:
    """Write what is measured so far."""
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "speed.json").write_text(json.dumps(result, indent=2) + "\n")
        (folder / "speed.md").write_text(report(result))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"among {', '.join(SECTIONS)}; default: all")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--clock",
        choices=list(CLOCKS),
        default="wall",
        help="cpu, with --threads 1, for a machine that is busy otherwise",
    )
    parser.add_argument("--rounds", type=int, default=15, help="in which each network is timed")
    parser.add_argument("--baselines", nargs="+", choices=list(BASELINES), default=list(BASELINES))
    parser.add_argument("--peer_rounds", type=int, default=7)
    parser.add_argument("--side", type=int, default=SIDE, help="of the square that peers are timed at")
    parser.add_argument("--pipeline_rounds", type=int, default=3)
    parser.add_argument("--runtime", default="openvino", help="of the peers and the pipeline")
    parser.add_argument("--video", type=Path, help="simulated, its truth beside it; default: of the built-in sample")
    parser.add_argument("--models_dir", type=Path, default=MODELS)
    parser.add_argument("--output_dir", type=Path, help="for speed.json and speed.md")
    parser.add_argument("--environment", type=Path, default=ENVIRONMENT)
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    unknown = set(options.sections) - set(SECTIONS)
    if unknown:
        parser.error(f"expected sections among {', '.join(SECTIONS)}, got {', '.join(sorted(unknown))}")
    options.sections = options.sections or SECTIONS
    options.cache_dir = options.environment / "onnx"
    if options.inside:
        return measure(options)
    python = environment(options.environment)
    return subprocess.run([python, "-W", "ignore", __file__, *sys.argv[1:], "--inside"], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
