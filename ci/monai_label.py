# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""MONAI Label's web application, for a server that others reach: start it by ``--uvicorn_app ci.monai_label:app``.

Beside what MONAI Label does:

- A request that can't be fulfilled for a fault of its own gets status 400 or 404 and a sentence, not 500.
- Images are those of the studies, uploads and sessions. No request names a file of the server: a text that holds a path
  is refused wherever it stands.
- Masks are made one after the other, and other requests are answered meanwhile. Trainings, masks of many images and
  scorings, which MONAI Label runs in processes of their own, are begun and never waited for.
- No archive of a session is unpacked to outside of it.

It runs in the server's environment, which has nothing of litemed.
"""

from __future__ import annotations

import contextlib
import json
import logging
import tarfile
import threading
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from typing import Annotated, Any
from urllib.parse import parse_qsl

import torch
from fastapi import APIRouter, Depends, File, Form, HTTPException, Request, UploadFile
from fastapi.background import BackgroundTasks
from fastapi.responses import JSONResponse
from monailabel.app import app
from monailabel.config import RBAC_ADMIN, RBAC_ANNOTATOR, RBAC_USER, settings
from monailabel.endpoints import batch_infer, scoring, session, train
from monailabel.endpoints.infer import ResultType, run_inference
from monailabel.endpoints.user.auth import RBAC, User
from monailabel.interfaces.exception import MONAILabelException
from monailabel.interfaces.tasks.batch_infer import BatchInferImageType
from monailabel.interfaces.utils.app import app_instance
from monailabel.utils.others.generic import name_to_device

__all__ = ["app"]

logger = logging.getLogger(__name__)

_CHOSEN_BY_ADDRESS = ("image", "model", "session")
"""What the request's address says; options of these names would take its place, unchecked."""

_AT_FAULT = (MONAILabelException, ValueError, OSError, EOFError, zipfile.BadZipFile, tarfile.TarError, zlib.error)
"""What is raised for what a request holds: an image or an archive that can't be read, a strategy that isn't there."""

_User = Annotated[User, Depends(RBAC(settings.MONAI_LABEL_AUTH_ROLE_USER))]
_Annotator = Annotated[User, Depends(RBAC(settings.MONAI_LABEL_AUTH_ROLE_ANNOTATOR))]
_Admin = Annotated[User, Depends(RBAC(settings.MONAI_LABEL_AUTH_ROLE_ADMIN))]

_router = APIRouter()
_one_at_a_time = threading.Lock()
_one_begins = threading.Lock()

tarfile.TarFile.extraction_filter = staticmethod(tarfile.data_filter)  # refuses what leads out of the folder


def _say_fault(request: Request, error: Exception) -> JSONResponse:
    logger.warning("refused %s %s", request.method, request.url.path, exc_info=error)
    return JSONResponse({"detail": str(getattr(error, "msg", "") or error) or type(error).__name__}, 400)


for _fault in _AT_FAULT:
    app.add_exception_handler(_fault, _say_fault)


@app.middleware("http")
async def _refuse_paths(request: Request, call_next: Any) -> Any:
    if request.url.path.startswith(f"{settings.MONAI_LABEL_API_STR}/proxy/"):  # to an archive, which reads it
        return await call_next(request)
    given: Any = parse_qsl(request.url.query)
    if "json" in request.headers.get("content-type", "json").lower():
        with contextlib.suppress(ValueError):  # what is no JSON is refused where it is read
            given = [given, json.loads(await request.body() or "null")]
    path = next(_paths(given), None)
    if path is not None:
        return JSONResponse({"detail": _no_path(path)}, 400)
    return await call_next(request)


# what follows is no coroutine, so that it runs in a thread


@_router.post("/infer/{model}", tags=["Infer"], summary=f"{RBAC_USER}Run Inference for supported model")
def infer(
    background_tasks: BackgroundTasks,
    model: str,
    user: _User,
    image: str = "",
    session_id: str = "",
    params: Annotated[str, Form()] = "{}",
    file: UploadFile | None = None,
    label: UploadFile | None = None,
    output: ResultType | None = None,
) -> Any:
    """Give the mask of an image, as MONAI Label's own endpoint does."""
    _check_image(image, session_id, file)
    try:
        options = json.loads(params or "{}")
    except ValueError as error:
        raise HTTPException(400, f"params isn't JSON: {error}") from error
    _check_options("models", model, options)
    with _one_at_a_time:
        return run_inference(background_tasks, model, image, session_id, params, file, label, output)


@_router.post("/infer/wsi/{model}", include_in_schema=False)
@_router.post("/infer/wsi_v2/{model}", include_in_schema=False)
def infer_slide(model: str, user: _User) -> Any:
    """Refuse whole slides, which no bundle here segments in regions."""
    raise HTTPException(404, "whole slides aren't segmented here: ask for the mask of a picture by /infer/")


@_router.post("/batch/infer/{model}", tags=["Infer"], summary=f"{RBAC_ADMIN}Run Batch Inference Task")
def infer_batch(
    model: str,
    user: _Admin,
    images: BatchInferImageType = BatchInferImageType.IMAGES_ALL,
    params: dict[str, Any] | None = None,
    run_sync: bool = False,
) -> Any:
    """Begin to make the masks of many images, and keep them as labels of the tag ``original``."""
    _refuse_waiting(run_sync)
    options = {"multi_gpu": torch.cuda.is_available(), "max_workers": 1, "logging": "WARNING", **(params or {})}
    _check_options("models", model, options)
    _check_images(options.get("images", images))
    with _one_begins:
        return batch_infer.run(model, images, options)


@_router.post("/train/", tags=["Train"], include_in_schema=False, deprecated=True)
def train_all(user: _Admin, params: dict[str, Any] | None = None, run_sync: bool = False) -> Any:
    """Begin to train every bundle, one after the other."""
    _refuse_waiting(run_sync)
    for model in app_instance().info()["trainers"]:
        _check_options("trainers", model, {**(params or {}), **_options_of(model, params)})
    with _one_begins:
        return train.run(params)


@_router.post("/train/{model}", tags=["Train"], summary=f"{RBAC_ADMIN} Run Training Task for specific model")
def train_one(
    model: str, user: _Admin, params: dict[str, Any] | None = None, run_sync: bool = False, enqueue: bool = False
) -> Any:
    """Begin to train a bundle."""
    _refuse_waiting(run_sync)
    _check_options("trainers", model, params or {})
    with _one_begins:
        return train.run_model(model, params, enqueue=enqueue)


@_router.post("/scoring/", tags=["Scoring"], include_in_schema=False, deprecated=True)
def score_all(user: _Annotator, params: dict[str, Any] | None = None, run_sync: bool = False) -> Any:
    """Begin every scoring of labels."""
    _refuse_waiting(run_sync)
    with _one_begins:
        return scoring.run(params)


@_router.post("/scoring/{method}", tags=["Scoring"], summary=f"{RBAC_ANNOTATOR}Run Scoring Task for specific method")
def score_by(method: str, user: _Annotator, params: dict[str, Any] | None = None, run_sync: bool = False) -> Any:
    """Begin a scoring of labels."""
    _refuse_waiting(run_sync)
    _find("scoring", "scoring method", method)
    with _one_begins:
        return scoring.run_method(method, params)


@_router.put("/session/", tags=["Session"], summary=f"{RBAC_USER}Create new session with Image")
def create_session(
    background_tasks: BackgroundTasks,
    user: _User,
    files: Annotated[list[UploadFile], File()],
    uncompress: bool = False,
    expiry: int = 0,
) -> Any:
    """Keep an image that is sent, or an archive of one, for the requests of a session."""
    return session.create_session(background_tasks, uncompress, expiry, files)


_theirs = list(app.router.routes)
app.include_router(_router, prefix=settings.MONAI_LABEL_API_STR)
# the first that fits a request answers it
app.router.routes[:] = [*app.router.routes[len(_theirs) :], *_theirs]


def _check_image(image: str, session_id: str, file: UploadFile | None) -> None:
    instance = app_instance()
    if session_id and not instance.sessions().get_session(session_id):
        raise HTTPException(404, f"there is no session {session_id!r}")
    if not (file or session_id or image):
        raise HTTPException(400, "expected an image: its id among the studies, a file or a session")
    if not (file or session_id) and not instance.datastore().get_image_uri(image):
        raise HTTPException(404, f"there is no image {image!r} among the studies")


def _check_images(images: Any) -> None:
    if isinstance(images, str):
        known = [each.value for each in BatchInferImageType]
        if images not in known:
            raise HTTPException(400, f"expected images to be ids or one of {', '.join(known)}, got {images!r}")
    elif not isinstance(images, list) or not all(isinstance(image, str) for image in images):
        raise HTTPException(400, f"expected images to be a list of ids, got {str(images)[:100]}")
    else:
        for image in images:
            _check_image(image, "", None)


def _find(kind: str, name: str, wanted: str) -> Any:
    """What the server says of one of its models, trainers or others.

    Raises:
        HTTPException: 404 when there is none of that name.
    """
    known = app_instance().info()[kind]
    if wanted not in known:
        raise HTTPException(404, f"there is no {name} {wanted!r}: expected one of {', '.join(known)}")
    return known[wanted]


def _options_of(model: str, params: Mapping[str, Any] | None) -> dict[str, Any]:
    """A model's own part of the options of all."""
    own = (params or {}).get(model) or {}
    if not isinstance(own, dict):
        raise HTTPException(400, f"expected options by name for {model}, got {str(own)[:100]}")
    return own


def _refuse_waiting(run_sync: bool) -> None:
    if run_sync:
        raise HTTPException(400, "run_sync isn't offered: what is begun is asked after by GET")


def _check_options(kind: str, model: str, options: Any) -> None:
    """Check a model's name and the options of a request for it, which may not lead past what the address says."""
    config = _find(kind, "model", model)["config"]
    if not isinstance(options, dict):
        raise HTTPException(400, f"expected options by name in params, got {str(options)[:100]}")
    for name in _CHOSEN_BY_ADDRESS:
        if name in options:
            raise HTTPException(400, f"{name} is no option: it belongs into the request's address")
    for path in _paths(options):
        raise HTTPException(400, _no_path(path))
    offered = config.get("model_filename", [])
    chosen = options.get("model_filename", offered)
    chosen = [chosen] if isinstance(chosen, str) else chosen
    if not isinstance(chosen, list) or any(name not in offered for name in chosen):
        raise HTTPException(400, f"{model} has no weights {chosen!r}: expected one of {', '.join(offered)}")
    try:
        torch.empty(0, device=name_to_device(options.get("device")))
    except (RuntimeError, AttributeError, TypeError, LookupError) as error:
        raise HTTPException(400, f"there is no device {options['device']!r} here") from error


def _paths(value: Any) -> Iterator[str]:
    """Texts within a value that could be paths: with a slash either way, which addresses of the web alone may have."""
    if isinstance(value, str):
        is_address = value.startswith(("http://", "https://"))
        if not is_address and ("/" in value or "\\" in value or value in (".", "..")):
            yield value
    elif isinstance(value, dict):
        yield from _paths([*value, *value.values()])
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from _paths(each)


def _no_path(path: str) -> str:
    return f"{path[:200]!r} is a path: files are named by their ids among the studies, or uploaded"
