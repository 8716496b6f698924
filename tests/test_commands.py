# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Every command of the README, the cards and the documents: the quick ones are run, all others are checked.

A command that is neither, since it is new or of another program, fails the test.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
import runpy
import shlex
import shutil
import sys
import tomllib
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import monai.bundle
import numpy as np
import pytest
from litemed import samples
from litemed.bundles import bundle_folders, offers
from litemed.tools.cli import _arguments, main, with_bundles
from mininet.readers import READERS as MININET_READERS
from monai.bundle import ConfigParser
from PIL import Image
from tiu_ocular.readers import READERS as OCULAR_READERS

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md")), *sorted(ROOT.glob("bundles/*/docs/*.md"))]
RUN_ELSEWHERE = {"docs/monai_label.md"}
"""Documents whose commands need programs and servers of their own; ci/label_acceptance.py runs them."""
USERS = [ROOT / name for name in ("README.md", "docs/commands.md", "docs/training.md")]
"""Documents whose commands are run where they are quick."""
SHELL = {".", "cd", "cp", "git", "mkdir"}
OF_MONAI = {"config_file", "meta_file", "tracking", "logging_file", "args_file", "run_id"}


def _blocks(document: Path, language: str) -> list[str]:
    """The blocks of a language; commands have none."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", document.read_text(), re.MULTILINE | re.DOTALL)
    return [block for found, block in blocks if found == language]


def _commands(document: Path) -> list[str]:
    """Lines of the blocks that have no language, without comments."""
    lines = [line for block in _blocks(document, "") for line in block.splitlines()]
    return [command for line in lines if (command := re.sub(r"(^|\s+)#\s.*", "", line).strip())]


ALL = [
    (str(document.relative_to(ROOT)), command)
    for document in DOCUMENTS
    if str(document.relative_to(ROOT)) not in RUN_ELSEWHERE
    for command in _commands(document)
]


@pytest.mark.parametrize(("document", "command"), ALL, ids=[f"{name}:{text[:60]}" for name, text in ALL])
def test_a_command_is_right(document: str, command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    words = shlex.split(command)
    for program, check in CHECKS.items():
        if words[: len(program)] == list(program):
            check(words[len(program) :])
            return
    pytest.fail(f"{document}: nothing checks {command!r}", pytrace=False)


PYTHON = [(str(document.relative_to(ROOT)), block) for document in DOCUMENTS for block in _blocks(document, "python")]


@pytest.mark.parametrize(("document", "block"), PYTHON, ids=[name for name, _ in PYTHON])
def test_a_piece_of_python_is_right(document: str, block: str) -> None:
    _check_code([block])


@pytest.mark.parametrize(
    "code",
    [
        "from litemed.metrics import surface_score",
        "from litemed.metrics import surface_scores\nsurface_scores(a, b, spacng=1)",
        "from litemed.metrics import surface_scores\nsurface_scores()",
        "from litemed.prompting import Session\nwith Session(a, b) as session:\n    session.boxes('a')",
        "from litemed.prompting import Session\nsession = Session(a, b)\nsession.click('a', 1)",
    ],
)
def test_python_that_is_wrong_is_found(code: str) -> None:
    with pytest.raises((ImportError, AssertionError, pytest.fail.Exception)):
        _check_code([code])


def _options(words: list[str]) -> tuple[list[str], dict[str, str]]:
    """What has no name, and ``--name value`` or ``--name=value``."""
    unnamed, named = [], {}
    left = iter(words)
    for word in left:
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            named[name] = value if equals else next(left, "")
        else:
            unnamed.append(word)
    return unnamed, named


def _check_run(words: list[str]) -> None:
    """The files are there, their references resolve with the options put in, and each option is an id of theirs."""
    unnamed, named = _options(words)
    assert not unnamed
    files = named["config_file"]
    listed = ast.literal_eval(files) if files.startswith("[") else [files]
    if "thyroid_us" in files:  # as litemed new makes it
        listed = [re.sub(r".*/configs", str(ROOT / "common/litemed/template/configs"), file) for file in listed]
    config = ConfigParser.load_config_files(listed)
    overrides = {name: _value(text) for name, text in named.items() if name not in OF_MONAI}
    assert [name for name in overrides if name.split("#")[0] not in config] == []
    assert "reader" not in overrides or overrides["reader"] in {**MININET_READERS, **OCULAR_READERS}
    parser = ConfigParser(config)
    parser.update(overrides)
    parser.parse(reset=True)


def _value(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (SyntaxError, ValueError):
        return text


def _check_torchrun(words: list[str]) -> None:
    start = words.index("monai.bundle")
    assert words[start - 1 : start + 2] == ["-m", "monai.bundle", "run"]
    assert set(words[: start - 1]) <= {"--standalone", "--nproc_per_node=2"}
    _check_run(words[start + 2 :])


def _check_export(words: list[str], function: Callable[..., Any]) -> None:
    (net_id,), named = _options(words)
    assert set(named) <= set(inspect.signature(function).parameters)
    assert net_id in ConfigParser.load_config_files([named["config_file"]])
    assert Path(named["meta_file"]).is_file()
    assert Path(named["ckpt_file"]).parent == Path(named["config_file"]).parents[1] / "models"
    if function is monai.bundle.onnx_export:
        _check_onnx(json.loads(Path(named["meta_file"]).read_text()), named)


def _check_onnx(metadata: dict[str, Any], named: dict[str, str]) -> None:
    """ONNX from image to pred, for any batch; an exported batch of 1 would stay 1."""
    image = metadata["network_data_format"]["inputs"]["image"]
    shape, options = (ast.literal_eval(named.get(name, "[]")) for name in ("input_shape", "converter_kwargs"))
    assert {"input_names", "output_names", "dynamic_axes"} <= set(options)
    assert (options["input_names"], options["output_names"]) == (["image"], ["pred"])
    axes = options["dynamic_axes"]
    assert axes["image"] == axes["pred"]
    assert axes["image"][0] == "batch"
    assert shape[0] > 1
    assert shape[1] == image["num_channels"]
    for axis, (length, described) in enumerate(zip(shape[2:], image["spatial_shape"], strict=True), 2):
        assert length == described if isinstance(described, int) else length % int(described.split("*")[0]) == 0
        assert axis not in axes["image"] or not isinstance(described, int)


def _check_onnx_export(words: list[str]) -> None:
    _check_export(words, monai.bundle.onnx_export)


def _check_module(words: list[str]) -> None:
    """A module of ours, or a file, that takes the options."""
    file = Path(_origin(words[1]) if words[0] == "-m" else words[0])
    rest = words[2:] if words[0] == "-m" else words[1:]
    taken = set(re.findall(r'add_argument\(\s*"--(\w+)"', file.read_text()))
    for function in _called_by_the_command_line(file):
        taken |= {argument.arg for argument in (*function.args.args, *function.args.kwonlyargs)}
        bundles = [ROOT / "/".join(word.split("/")[:2]) for word in rest if word.startswith("bundles/")]
        config = (bundles[0] if bundles else file.parents[1]) / "configs/train.json"
        if function.args.kwarg is not None and config.is_file():
            taken |= set(ConfigParser.load_config_files([str(config)]))
    assert set(_options(rest)[1]) <= taken


def _called_by_the_command_line(file: Path) -> list[ast.FunctionDef]:
    """The functions that a module gives to `run_command` or fire, from where they are defined."""
    tree = ast.parse(file.read_text())
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    given = [
        name.id
        for call in calls
        if ast.unparse(call.func) in ("run_command", "fire.Fire")
        for name in ast.walk(call.args[0])
        if isinstance(name, ast.Name)
    ]
    found = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name in given]
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and {alias.name for alias in node.names} & set(given):
            there = ast.parse(Path(_origin(str(node.module))).read_text())
            found += [each for each in there.body if isinstance(each, ast.FunctionDef) and each.name in given]
    return found


def _check_code(words: list[str]) -> None:
    """Lines of Python whose imports are there, and whose calls of them, and of what their classes make, fit."""
    (code,) = words
    tree = ast.parse(code)
    imports = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    names: dict[str, Any] = {}
    exec(compile(ast.Module(imports, []), code, "exec"), names)
    made = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.withitem | ast.Assign):
            value = node.context_expr if isinstance(node, ast.withitem) else node.value
            target = node.optional_vars if isinstance(node, ast.withitem) else node.targets[0]
            called = (
                names.get(value.func.id) if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) else None
            )
            if isinstance(target, ast.Name) and inspect.isclass(called):
                made[target.id] = called
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call):
            continue
        given: list[Any] = list(call.args)
        if isinstance(call.func, ast.Name) and call.func.id in names:
            function = names[call.func.id]
        elif isinstance(call.func, ast.Attribute) and ast.unparse(call.func.value) in made:
            kind = made[ast.unparse(call.func.value)]
            assert hasattr(kind, call.func.attr), f"{kind.__name__} has no {call.func.attr}"
            function, given = getattr(kind, call.func.attr), [None, *given]
        else:
            continue
        try:
            inspect.signature(function).bind(*given, **{str(each.arg): each.value for each in call.keywords})
        except TypeError as error:
            pytest.fail(f"{ast.unparse(call)}: {error}", pytrace=False)


def _origin(module: str) -> str:
    spec = find_spec(module)
    assert spec is not None, f"there is no module {module}"
    if spec.submodule_search_locations is not None:
        spec = find_spec(f"{module}.__main__")
    assert spec is not None
    assert spec.origin is not None
    return spec.origin


def _check_litemed(words: list[str]) -> None:
    """The command takes the options, or the configuration that it runs does."""
    command, rest = words[0], words[1:]
    assert not command.startswith("_")
    method = getattr(with_bundles(command), command)
    parameters = dict(inspect.signature(method).parameters)
    _, named = _options(_arguments(rest))
    free = {name for name in named if name not in parameters}
    if not free:
        return
    assert any(each.kind is each.VAR_KEYWORD for each in parameters.values()), f"{command} doesn't take {free}"
    folder = bundle_folders()[named["bundle"]] if "bundle" in named else offers("commands")[command].bundle
    assert free <= set(ConfigParser.load_config_files([str(folder / "configs/inference.json")]))


def _check_make(words: list[str]) -> None:
    assert re.search(rf"^{re.escape(words[0])}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


def _check_pip(words: list[str]) -> None:
    if words == ["--constraint", "constraints.txt", "litemed-*.whl"]:  # of a release
        return
    assert words[:3] == ["--constraint", "constraints.txt", "--editable"]
    extras = re.fullmatch(r"\.(?:\[([\w,]+)\])?", words[3])
    assert extras
    offered = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert {*filter(None, (extras.group(1) or "").split(","))} <= offered.keys()


def _check_mlflow(words: list[str]) -> None:
    assert re.fullmatch(r"sqlite:///.*/mlruns\.db", words[0])


CHECKS: dict[tuple[str, ...], Callable[[list[str]], object]] = {
    ("python", "-m", "monai.bundle", "run"): _check_run,
    ("python", "-m", "monai.bundle", "ckpt_export"): lambda words: _check_export(words, monai.bundle.ckpt_export),
    ("python", "-m", "monai.bundle", "onnx_export"): _check_onnx_export,
    ("torchrun",): _check_torchrun,
    ("python", "-c"): _check_code,
    ("python",): _check_module,
    ("litemed",): _check_litemed,
    ("make",): _check_make,
    ("pip", "install"): _check_pip,
    ("mlflow", "ui", "--backend-store-uri"): _check_mlflow,
    **{(word,): bool for word in SHELL},
}


def test_the_checks_find_what_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    train = "--config_file bundles/mininet/configs/train.json"
    folder = "bundles/mininet"
    onnx = f"--config_file {folder}/configs/inference.json --meta_file {folder}/configs/metadata.json"
    onnx += f" --ckpt_file {folder}/models/model.pt"
    axes = "{'image':{0:'batch'},'pred':{0:'batch'}}"
    named = f"{{'input_names':['image'],'output_names':['pred'],'dynamic_axes':{axes}}}"
    _check_onnx_export(f"network_def {onnx} --input_shape [2,3,64,64] --converter_kwargs {named}".split())
    for check, words in (
        (_check_run, f"{train} --max_epoch 3"),
        (_check_run, f"{train} --reader drives"),
        (_check_litemed, "segment PICTURES --bundle mininet --treshold 0.4"),
        (_check_litemed, "pack mininet --to zips"),
        (_check_module, "-m litemed.datasets.challenge_conversion A B C --modalty CT"),
        (_check_module, "-m litemed.datasets.challenge_conversion A B C --path CT"),
        (_check_mlflow, "sqlite:///runs/mlruns.sqlite"),
        (_check_onnx_export, f"network_def {onnx}"),
        (_check_onnx_export, f"network_def {onnx} --input_shape [1,3,64,64] --converter_kwargs {named}"),
        (_check_make, "dmeo"),
        (_check_pip, "--constraint constraints.txt --editable .[rya]"),
    ):
        with pytest.raises(AssertionError):
            check(words.split())
    with pytest.raises(FileNotFoundError):
        _check_run(["--config_file", "bundles/mininet/configs/trian.json"])


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with what the users' commands name, beside the bundles and a home of its own."""
    pictures = sorted((samples.nuclei() / "test/images").iterdir())[:2]
    for folder in ("PICTURES", "PREDICTIONS", "TRUTH", "RUN", "EYE"):
        (tmp_path / folder).mkdir()
    for picture in pictures:
        shutil.copy(picture, tmp_path / "PICTURES")
        for folder in ("PREDICTIONS", "TRUTH"):
            Image.fromarray(np.eye(16, dtype=np.uint8)).save(tmp_path / folder / picture.name)
    with Image.open(pictures[0]) as picture:
        picture.resize((256, 192)).save(tmp_path / "PICTURE.png")
    shutil.copy(pictures[0], tmp_path / "EYE/eye.png")
    (tmp_path / "RUN/history.csv").write_text("epoch,seconds,loss\n1,2,0.5\n2,2,0.4\n")
    (tmp_path / "bundles").symlink_to(ROOT / "bundles")
    monkeypatch.setenv("LITEMED_HOME", str(samples.nuclei().parents[1]))
    monkeypatch.chdir(tmp_path)
    return tmp_path


EXECUTED: dict[str, tuple[str, str]] = {
    "litemed info": ("", ""),
    "litemed doctor": ("", ""),
    "litemed datasets": ("", ""),
    "litemed test mininet": ("", ""),
    "litemed segment PICTURES --bundle mininet --out OUT": ("--workers 1", "OUT/*_mask.png"),
    "litemed segment PICTURES --bundle mininet --application nuclei --out OUT": ("--workers 1", "OUT/*_mask.png"),
    'litemed segment PICTURE --bundle swiftmedsam --box "20,30,80,90" --box "100,40,160,120" --out OUT': (
        "--workers 1",
        "OUT/PICTURE*.png",
    ),
    "litemed measure EYE --out OUT": ("", "OUT/measurements.json"),
    "litemed evaluate PREDICTIONS TRUTH --out SCORES": ("", "SCORES/scores.csv"),
    "litemed report RUN": ("", "RUN/report.html"),
    "litemed new thyroid_us": ("", "thyroid_us/configs/train.json"),
    "litemed pack mininet --out zips": ("", "zips/mininet_v*.zip"),
    "litemed publish --to zoo --url https://...": ("mininet", "zoo/index.html"),
    "python -m monai.bundle run --config_file bundles/mininet/configs/inference.json --dataset_dir PICTURES"
    " --output_dir OUT": ("", "OUT/*_mask.png"),
}
"""Commands of the users' documents that are run: what is added to make them quick, and a file that they write."""

CHECKED = {
    "litemed collab VIDEO --out OUT": "run in tests/bundles/tfnet",
    "litemed app PICTURE": "run in tests/app",
    "litemed new thyroid_us --data YOUR_FOLDER": "run in tests/tools/packaging/test_new.py",
    'litemed segment SCAN.nii.gz --bundle swiftmedsam --box "40,52,3,90,101,12" --out OUT': (
        "run in tests/bundles/swiftmedsam"
    ),
    "litemed segment SCAN.nii.gz --bundle swiftmedsam --click 65,76,7 --not 95,76,7 --out OUT": (
        "run in tests/tools/test_prompted.py"
    ),
    "litemed segment SCAN.nii.gz --bundle swiftmedsam --prompts SCAN_prompts.json --out OUT": (
        "run in tests/tools/test_prompted.py"
    ),
    "litemed get mininet --zoo https://...": "run in tests/tools/packaging/test_get.py",
    "litemed pack mininet --application nuclei": "run in tests/tools/packaging/test_pack.py",
    "litemed verify zips/mininet_v0.3.0.zip": "run in tests/packaging",
    "litemed verify zoo/hf_models/mininet": "run in tests/packaging",
    "litemed evaluate PREDICTIONS TRUTH --out SCORES --engine ray": "run in tests/test_parallel.py",
}
"""Commands of the users' documents that are only checked, and where the same is run."""


def _of_users() -> set[str]:
    return {command for document in USERS for command in _commands(document)}


def test_every_command_of_litemed_for_users_is_run() -> None:
    listed = {command for command in _of_users() if command.startswith("litemed ")}
    assert listed == {command for command in EXECUTED if command.startswith("litemed ")} | CHECKED.keys()


@pytest.mark.parametrize("command", EXECUTED, ids=[command[:70] for command in EXECUTED])
def test_a_quick_command_does_what_it_says(command: str, desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    more, result = EXECUTED[command]
    assert command in _of_users()
    words = shlex.split(command.replace("PICTURE ", "PICTURE.png ")) + shlex.split(more)
    if words[0] == "litemed":
        monkeypatch.setattr(sys, "argv", words)
        main()
    else:
        _, named = _options(words[4:])
        monai.bundle.run(**named)
    assert not result or list(desk.glob(result))


def test_the_readme_is_short_and_shows_a_picture() -> None:
    text = (ROOT / "README.md").read_text()
    assert len(text.splitlines()) <= 120
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if not link.startswith("https://")]
    assert [link for link in links if not (ROOT / link).exists()] == []
    assert [link for link in links if link.endswith((".jpg", ".png"))]


def test_the_table_of_bundles_is_the_metadatas() -> None:
    script = runpy.run_path(str(ROOT / "ci/bundle_table.py"))
    assert script["written"]() == script["table"](), "run python ci/bundle_table.py --write"
