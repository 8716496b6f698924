# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Who may ask the page's server for something: this computer's browser, from the page itself, with the token."""

from __future__ import annotations

import secrets
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["Guard"]

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Of every answer that doesn't say otherwise."""


class _TooLargeError(Exception):
    pass


class Guard:
    """Refuse requests without the token, from another origin or by another name of this computer, and large ones.

    The token is in the address that a browser opens first; from then on it is in a cookie that no other site can have
    sent. That the host is this computer's keeps out pages that rename themselves to it (DNS rebinding).

    Args:
        app: what is guarded.
        token: random text.
        port: that the server listens on.
        most_bytes: of a request's body.
        most_uploaded: of one that sends a file, by ``PUT``.
    """

    def __init__(self, app: ASGIApp, token: str, port: int, most_bytes: int, most_uploaded: int) -> None:
        self._app = app
        self._token = token
        self._cookie = f"litemed-{port}"
        self._hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}
        self._most_bytes = most_bytes
        self._most_uploaded = most_uploaded

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        most = self._most_uploaded if scope["method"] == "PUT" else self._most_bytes
        refused = self._refused(scope, headers) or self._too_large(headers, most)
        if refused is not None:
            await refused(scope, receive, _with_headers(send))
            return
        received, begun = 0, False

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > most:
                raise _TooLargeError
            return message

        async def watched(message: Message) -> None:
            nonlocal begun
            begun = True
            await _with_headers(send)(message)

        try:
            await self._app(scope, counted, watched)
        except _TooLargeError:
            if not begun:
                await _large(most)(scope, receive, _with_headers(send))

    def _refused(self, scope: Scope, headers: Headers) -> Response | None:
        """The answer to a request that isn't the page's; None to one that is."""
        host, origin = headers.get("host", ""), headers.get("origin")
        if host not in self._hosts:
            return PlainTextResponse(f"this server isn't {host}\n", 403)
        elsewhere = origin is not None and origin not in {f"http://{host}" for host in self._hosts}
        asked_by = headers.get("sec-fetch-site", "none")
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        is_entry = scope["path"] == "/" and scope["method"] == "GET"
        if elsewhere or (asked_by not in ("same-origin", "none") and not (is_entry and given)):
            return PlainTextResponse("requests of other pages aren't answered\n", 403)
        if is_entry and given and secrets.compare_digest(given.encode(), self._token.encode()):
            entry = RedirectResponse("/", 303)
            entry.set_cookie(self._cookie, self._token, httponly=True, samesite="strict")
            return entry
        if not secrets.compare_digest(self._sent_token(headers).encode(), self._token.encode()):
            said = "open the whole address that litemed app printed last: this page's token is missing or an old one"
            return PlainTextResponse(f"{said}\n", 403)
        return None

    def _sent_token(self, headers: Headers) -> str:
        try:
            cookies = SimpleCookie(headers.get("cookie", ""))
        except CookieError:
            return ""
        return cookies[self._cookie].value if self._cookie in cookies else ""

    def _too_large(self, headers: Headers, most: int) -> Response | None:
        length = headers.get("content-length", "0")
        return _large(most) if not length.isdecimal() or int(length) > most else None


def _large(most: int) -> Response:
    return PlainTextResponse(f"at most {most:,} bytes are taken at a time\n", 413, {"Connection": "close"})


def _with_headers(send: Send) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return sent
