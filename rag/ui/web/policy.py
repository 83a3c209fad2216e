"""What the pages may do: which scripts run, which styles apply, whom they may talk to."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable

import jinja2
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag.ui.package import package_text

NONCE = "geobrief.nonce"
"""Key in the scope of a request: the random word that marks the page's own scripts and styles in its response."""

SIGN_IN_POLICY = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
"""Of the page to sign in, which has no script."""

# Of ".cls-1 { fill: none; }" in an icon of gradio's, which comes as HTML.
_ICON_STYLE = "'sha256-g1bHISw0wC5zPcnfBxdUydnwBkCuBpNPwannoyMIG3M='"

_HEADERS = {
    # Not no-referrer: browsers then send "Origin: null" with a form, which is what pages elsewhere send, too.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": (
        "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), "
        "microphone=(), midi=(), payment=(), publickey-credentials-get=(), screen-wake-lock=(), serial=(), usb=()"
    ),
}


def policy(nonce: str) -> str:
    """Return the policy of a response whose own inline scripts and styles carry the nonce."""
    return "; ".join(
        [
            "default-src 'self'",
            # Gradio compiles gr.HTML's template and js_on_load, and plotly its calls, with Function().
            f"script-src 'self' 'nonce-{nonce}' 'unsafe-eval'",
            "script-src-attr 'none'",
            f"style-src-elem 'self' 'nonce-{nonce}' {_ICON_STYLE}",
            # Svelte sets style attributes, and so do tables and plots, to place what they draw.
            "style-src-attr 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "font-src 'self'",
            "connect-src 'self'",
            "worker-src 'none'",
            "frame-src 'none'",
            "object-src 'none'",
            "base-uri 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        ]
    )


class WithPolicy:
    """Gives each request a nonce and each response the policy, unless it has a stricter one."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        nonce = secrets.token_urlsafe(18)
        is_static = scope["path"].startswith(("/assets/", "/static/"))

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(_HEADERS)
                headers.setdefault("Content-Security-Policy", policy(nonce))
                if not is_static:
                    headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self.app({**scope, NONCE: nonce}, receive, send_with_headers)


def mark_own_scripts(environment: jinja2.Environment) -> None:
    """Let gradio's template of the page put the nonce on its scripts and styles.

    The source of the template is changed, not the page made of it: what is filled in gets no nonce, even if it were
    not escaped. Once is enough; later calls do nothing.
    """
    if not isinstance(environment.loader, _Marking):
        environment.loader = _Marking(environment.loader)
        if environment.cache is not None:
            environment.cache.clear()


class _Marking(jinja2.BaseLoader):
    """Templates of another loader with the nonce put in."""

    def __init__(self, inner: jinja2.BaseLoader | None) -> None:
        if inner is None:
            raise TypeError("gradio's templates have no loader")
        self._inner = inner

    def get_source(
        self, environment: jinja2.Environment, template: str
    ) -> tuple[str, str | None, Callable[[], bool] | None]:
        """Return source, file name and whether it is up to date."""
        source, name, is_current = self._inner.get_source(environment, template)
        return marked(source), name, is_current


def marked(source: str) -> str:
    """Put the nonce on every script and style of a template, and before them the script that marks later styles."""
    nonce = 'nonce="{{ request.scope.get(' + repr(NONCE) + ') }}"'
    script = package_text("web/styles_of_page.js")
    with_script = source.replace("<head>", f"<head><script>{script}</script>", 1)
    return re.sub(r"<(script|style)(?=[\s>])", rf"<\1 {nonce}", with_script)
