# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""``litemed app``: serve the page to this computer, and open it."""

from __future__ import annotations

import secrets
import socket
import tempfile
import threading
import webbrowser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from litemed.bundles import offers, where_to_put
from litemed.samples.prompted import sample_images

__all__ = ["serve"]

_HOST = "127.0.0.1"


def serve(
    source: str | None,
    output_dir: str,
    *,
    port: int = 0,
    browser: bool = True,
    overrides: Mapping[str, Any] | None = None,
) -> None:
    """Serve the page until Ctrl-C.

    Args:
        source: a file, or a folder; None for `litemed.samples.prompted.sample_images`.
        output_dir: for what is saved.
        port: 0 for any that is free.
        browser: open the page in the browser.
        overrides: of the network, see `litemed.tools.prompted.session_network`, and ``bundle``, its bundle.

    Raises:
        ImportError: without the packages starlette and uvicorn.
        FileNotFoundError: when there is no such file or bundle.
        OSError: when the port is taken.
        ValueError: as `litemed.tools.prompted.session_network`, and for what is an image's and not the network's.
    """
    try:
        import uvicorn

        from litemed.app.server import create_app
    except ImportError as error:
        raise ImportError(f'the page needs {error.name}: pip install "litemed[app]"') from error
    from litemed.tools.prompted import SESSION_OPTIONS, session_network, session_run

    path = sample_images() if source is None else Path(source).expanduser().absolute()
    if not path.exists():
        raise FileNotFoundError(f"no picture, volume, video or folder at {path}")
    options = dict(overrides or {})
    bundles = [offer.bundle for offer in offers("sessions").values()]
    bundle = options.pop("bundle", bundles[0] if bundles else None)
    if bundle is None:
        raise FileNotFoundError(f"no bundle whose masks clicks refine: {where_to_put()}")
    for name in (*SESSION_OPTIONS, "runtime"):
        if name in options:
            raise ValueError(f"the page takes no {name}: it is chosen there, or is the default")
    network = session_network(bundle, options)  # so that what is wrong is told before the page opens
    token = secrets.token_urlsafe(24)
    with socket.socket() as listening, tempfile.TemporaryDirectory(prefix="litemed-app-") as dropped:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((_HOST, port))
            listening.listen()  # who opens the address at once waits for the server, and isn't refused
        except (OSError, OverflowError) as error:
            raise OSError(f"port {port} can't be used: {error}") from error
        port = listening.getsockname()[1]
        output = Path(output_dir).expanduser().absolute()
        run = session_run(bundle, options)
        app = create_app(lambda: network, path, output, Path(dropped), token, port, run=run)
        address = f"http://{_HOST}:{port}/?token={token}"
        print(f"{address}\nOpen this address in a browser of this computer. Ctrl-C stops.", flush=True)
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=3))
        if browser:
            threading.Timer(0.5, webbrowser.open, (address,)).start()
        server.run(sockets=[listening])
