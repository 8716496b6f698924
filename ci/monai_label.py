# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""MONAI Label's web application, for a server that others reach: start it by ``--uvicorn_app ci.monai_label:app``.

Beside what MONAI Label does:

- A request that can't be fulfilled for a fault of its own gets status 400 or 404 and a sentence, not 500.
- Images are those of the studies, uploads and sessions. No request names a file of the server: a text that holds a path
  is refused wherever it stands.
- Masks are made one after the other, and other requests are answered meanwhile.

It runs in the server's environment, which has nothing of litemed.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from typing import Annotated, Any
from urllib.parse import parse_qsl

import torch
from fastapi import APIRouter, Depends, Form, HTTPException, Request, UploadFile
from fastapi.background import BackgroundTasks
from fastapi.responses import JSONResponse
from monailabel.app import app
from monailabel.config import RBAC_USER, settings
from monailabel.endpoints.infer import ResultType, run_inference
from monailabel.endpoints.user.auth import RBAC, User
from monailabel.interfaces.exception import MONAILabelException
from monailabel.interfaces.utils.app import app_instance
from monailabel.utils.others.generic import name_to_device

__all__ = ["app"]

_CHOSEN_BY_ADDRESS = ("image", "model", "session")
"""What the request's address says; options of these names would take its place, unchecked."""

_router = APIRouter(prefix="/infer", tags=["Infer"])
_one_at_a_time = threading.Lock()


@app.middleware("http")
async def _refuse_paths(request: Request, call_next: Any) -> Any:
    if request.url.path.startswith(f"{settings.MONAI_LABEL_API_STR}/proxy/"):  # to an archive, which reads it
        return await call_next(request)
    given: Any = parse_qsl(request.url.query)
    if request.headers.get("content-type", "").startswith("application/json"):
        with contextlib.suppress(ValueError):  # what is no JSON is refused where it is read
            given = [given, json.loads(await request.body() or "null")]
    path = next(_paths(given), None)
    if path is not None:
        return JSONResponse({"detail": _no_path(path)}, 400)
    return await call_next(request)


@_router.post("/{model}", summary=f"{RBAC_USER}Run Inference for supported model")
def infer(
    background_tasks: BackgroundTasks,
    model: str,
    user: Annotated[User, Depends(RBAC(settings.MONAI_LABEL_AUTH_ROLE_USER))],
    image: str = "",
    session_id: str = "",
    params: Annotated[str, Form()] = "{}",
    file: UploadFile | None = None,
    label: UploadFile | None = None,
    output: ResultType | None = None,
) -> Any:
    """Give the mask of an image, as MONAI Label's own endpoint does. Not being a coroutine, it runs in a thread."""
    _check_image(image, session_id, file)
    _check_options(model, params)
    with _one_at_a_time:
        try:
            return run_inference(background_tasks, model, image, session_id, params, file, label, output)
        except MONAILabelException as error:
            raise HTTPException(400, error.msg) from error
        except (ValueError, OSError) as error:
            raise HTTPException(400, str(error)) from error


app.router.routes[:0] = _router.routes  # the first that fits a request answers it


def _check_image(image: str, session_id: str, file: UploadFile | None) -> None:
    instance = app_instance()
    if session_id and not instance.sessions().get_session(session_id):
        raise HTTPException(404, f"there is no session {session_id!r}")
    if not (file or session_id or image):
        raise HTTPException(400, "expected an image: its id among the studies, a file or a session")
    if not (file or session_id) and not instance.datastore().get_image_uri(image):
        raise HTTPException(404, f"there is no image {image!r} among the studies")


def _check_options(model: str, params: str) -> None:
    models = app_instance().info()["models"]
    if model not in models:
        raise HTTPException(404, f"there is no model {model!r}: expected one of {', '.join(models)}")
    try:
        options = json.loads(params or "{}")
    except ValueError as error:
        raise HTTPException(400, f"params isn't JSON: {error}") from error
    if not isinstance(options, dict):
        raise HTTPException(400, f"expected options by name in params, got {params[:100]}")
    for name in _CHOSEN_BY_ADDRESS:
        if name in options:
            raise HTTPException(400, f"{name} is no option: it belongs into the request's address")
    for path in _paths(options):
        raise HTTPException(400, _no_path(path))
    offered = models[model]["config"].get("model_filename", [])
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
