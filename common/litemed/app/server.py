# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The page's server: files, slices, what is drawn, and tasks, as an ASGI application.

Answers are JSON, but for pictures and files. What can't be is told as ``{"error": line}`` with status 400, what isn't
there with 404.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from litemed.app.drawings import Drawings
from litemed.app.folders import Folders, inside
from litemed.app.guard import Guard
from litemed.app.opened import OpenImages, window_of
from litemed.app.tasks import Tasks, tools
from litemed.files import litemed_home, replacing
from litemed.notices import collect_notices
from litemed.prompting.refining import Place
from litemed.prompting.session_files import write_results
from litemed.tools.prompted import SESSION_OPTIONS, record_session
from litemed.tools.workflows import reason
from litemed.transforms.windows import CT_WINDOWS

__all__ = ["MOST_BYTES", "MOST_UPLOADED", "create_app"]

MOST_BYTES = 1 << 20
MOST_UPLOADED = 4 << 30
_STATIC = Path(__file__).parent / "static"
_OF_RESULTS = {
    "Content-Security-Policy": "default-src 'none'; img-src 'self' data:; media-src 'self'; style-src 'unsafe-inline'"
}
"""Of files that tasks wrote, such as reports: pictures and styles within them, no scripts."""

Endpoint = Callable[[Request], Awaitable[Response]]


def create_app(
    network: Callable[[], Any],
    source: Path,
    output_dir: Path,
    dropped: Path,
    token: str,
    port: int,
    most_uploaded: int = MOST_UPLOADED,
    run: Mapping[str, Any] | None = None,
) -> Starlette:
    """The application.

    Args:
        network: gives the network of sessions, see `litemed.prompting.Session`; called when the first image is opened.
        source: the folder or file that is opened.
        output_dir: for what is saved, and the results of tasks.
        dropped: folder for files that are dragged in.
        token: without which nothing is answered.
        port: that it will listen on, at 127.0.0.1.
        most_uploaded: largest file that can be dragged in, in bytes.
        run: what the network is, for ``run.json`` beside what is saved; see `litemed.tools.prompted.session_run`.
    """
    images = OpenImages(network, Drawings(litemed_home() / "drawings"))
    handlers = _Handlers(images, Folders(source, dropped), Tasks(output_dir), output_dir, run or {})

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        await run_in_threadpool(handlers.close)

    routes = [
        Route("/", handlers.page),
        Route("/api/folder", _json(handlers.folder)),
        Route("/api/files", _json(handlers.group), methods=["POST"]),
        Route("/api/files/{name:path}", handlers.upload, methods=["PUT"]),
        Route("/api/images", _json(handlers.open), methods=["POST"]),
        Route("/api/images/{number}", _json(handlers.state)),
        Route("/api/images/{number}/slice", handlers.slice),
        Route("/api/images/{number}/labels", handlers.labels),
        Route("/api/images/{number}/table", _json(handlers.table)),
        Route("/api/images/{number}/save", _json(handlers.save), methods=["POST"]),
        Route("/api/images/{number}/{action}", _json(handlers.edit), methods=["POST"]),
        Route("/api/tasks", _json(handlers.tasks)),
        Route("/api/tasks", _json(handlers.start), methods=["POST"]),
        Route("/api/tasks/{number}", _json(handlers.task)),
        Route("/api/tasks/{number}/cancel", _json(handlers.cancel_task), methods=["POST"]),
        Route("/results/{name:path}", handlers.result),
        Route("/favicon.ico", handlers.icon),
        Mount("/static", StaticFiles(directory=_STATIC)),
    ]
    guard = Middleware(Guard, token=token, port=port, most_bytes=MOST_BYTES, most_uploaded=most_uploaded)
    errors: dict[Any, Any] = {FileNotFoundError: _missing, ValueError: _wrong, OSError: _wrong, ImportError: _wrong}
    return Starlette(routes=routes, middleware=[guard], exception_handlers=errors, lifespan=lifespan)


async def _missing(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": reason(error)}, 404)


async def _wrong(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": reason(error)}, 400)


def _json(function: Callable[[Request, dict[str, Any]], Any]) -> Endpoint:
    """An endpoint that runs in a thread, takes the request's JSON object, and gives what becomes JSON."""

    async def endpoint(request: Request) -> Response:
        body = await request.body()
        try:
            given = json.loads(body or b"{}")
        except (ValueError, RecursionError) as error:
            raise ValueError(f"expected JSON: {error}") from error
        if not isinstance(given, dict):
            raise ValueError(f"expected a JSON object, got {type(given).__name__}")
        return JSONResponse(await run_in_threadpool(function, request, given))

    return endpoint


class _Handlers:
    def __init__(
        self, images: OpenImages, folders: Folders, tasks: Tasks, output_dir: Path, run: Mapping[str, Any]
    ) -> None:
        self._images = images
        self._folders = folders
        self._tasks = tasks
        self._output_dir = output_dir
        self._saved: set[Path] = set()
        self._run = run

    def close(self) -> None:
        self._tasks.close()
        self._images.close()

    async def page(self, request: Request) -> Response:
        return FileResponse(_STATIC / "index.html")

    async def icon(self, request: Request) -> Response:
        return FileResponse(_STATIC / "icon.svg")

    # --- files -----------------------------------------------------------------------------------------------------

    def folder(self, request: Request, given: dict[str, Any]) -> Any:
        return {
            "files": self._folders.listed(),
            "tools": tools(),
            "windows": {name: list(window) for name, window in CT_WINDOWS.items()},
            "output_dir": str(self._output_dir),
        }

    def group(self, request: Request, given: dict[str, Any]) -> Any:
        return {"group": self._folders.group(str(given.get("name", "")))}

    async def upload(self, request: Request) -> Response:
        target = self._folders.drop(request.path_params["name"])
        try:
            with replacing(target) as temporary, temporary.open("wb") as file:
                async for chunk in request.stream():
                    file.write(chunk)
        except ClientDisconnect:
            return Response(status_code=400)
        return JSONResponse({"size": target.stat().st_size})

    async def result(self, request: Request) -> Response:
        path = inside(self._output_dir, request.path_params["name"])
        if not path.is_file() or not (path in self._saved or self._tasks.holds(path)):
            raise FileNotFoundError(f"there is no file {request.path_params['name']} among the results")
        return FileResponse(path, headers=_OF_RESULTS)

    # --- images ----------------------------------------------------------------------------------------------------

    def open(self, request: Request, given: dict[str, Any]) -> Any:
        name, options = str(given.get("name", "")), given.get("options", {})
        if not isinstance(options, dict) or set(options) - set(SESSION_OPTIONS):
            raise ValueError(f"expected options of an image, got {options!r}")
        return self._images.open(name, self._folders.path(name), options).about()

    def state(self, request: Request, given: dict[str, Any]) -> Any:
        opened = self._images.get(request.path_params["number"])
        return opened.state(_place(request) if "plane" in request.query_params else None)

    async def slice(self, request: Request) -> Response:
        window = window_of((_number(request, "low"), _number(request, "high")))
        region, factor = _part(request)

        def draw() -> bytes:
            opened = self._images.get(request.path_params["number"])
            return opened.slice_png(_place(request), window, region, factor)

        return Response(await run_in_threadpool(draw), media_type="image/png")

    async def labels(self, request: Request) -> Response:
        region, factor = _part(request)

        def draw() -> bytes:
            return self._images.get(request.path_params["number"]).labels_png(_place(request), region, factor)

        return Response(await run_in_threadpool(draw), media_type="image/png")

    def table(self, request: Request, given: dict[str, Any]) -> Any:
        return self._images.get(request.path_params["number"]).session.table()

    def edit(self, request: Request, given: dict[str, Any]) -> Any:
        opened = self._images.get(request.path_params["number"])
        opened.edit(request.path_params["action"], given)
        return opened.state()

    def save(self, request: Request, given: dict[str, Any]) -> Any:
        session = self._images.get(request.path_params["number"]).session
        with collect_notices() as notices:
            files = write_results(session, self._output_dir)
        run = record_session(session, files, notices, self._run)
        self._saved |= {file.resolve() for file in (*files, run)}
        return {"folder": str(self._output_dir), "files": [file.name for file in files], "notices": notices}

    # --- tasks -----------------------------------------------------------------------------------------------------

    def tasks(self, request: Request, given: dict[str, Any]) -> Any:
        return self._tasks.states()

    def start(self, request: Request, given: dict[str, Any]) -> Any:
        path = self._folders.path(str(given.get("name", "")))
        return self._tasks.start(str(given.get("tool", "")), path).state()

    def task(self, request: Request, given: dict[str, Any]) -> Any:
        return self._tasks.get(request.path_params["number"]).state()

    def cancel_task(self, request: Request, given: dict[str, Any]) -> Any:
        task = self._tasks.get(request.path_params["number"])
        task.cancel()
        return task.state()


def _number(request: Request, name: str) -> float:
    text = request.query_params.get(name, "")
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"expected {name} as a number, got {text!r}") from None


def _place(request: Request) -> Place:
    return Place(request.query_params.get("plane", ""), int(_number(request, "index")))


def _part(request: Request) -> tuple[list[int] | None, int]:
    """The part of a slice that is asked for, and how much smaller it is wanted."""
    text, factor = request.query_params.get("region"), request.query_params.get("factor", "1")
    numbers = text.split(",") if text else []
    if not factor.isdecimal() or not 1 <= int(factor) <= 64 or len(numbers) not in (0, 4):
        raise ValueError(f"expected a region of four numbers and a factor from 1 to 64, got {text} and {factor}")
    if not all(number.isdecimal() for number in numbers):
        raise ValueError(f"expected a region of whole numbers, got {text}")
    return [int(number) for number in numbers] or None, int(factor)
