"""A small web server on the standard library: a page, the same as JSON, and a health check."""

import html
import json
import os
import platform
import signal
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

PROJECT = os.environ.get("ISOLAB_PROJECT", "project")
ENVIRONMENT = os.environ.get("ISOLAB_ENVIRONMENT", "local")
PORT = int(os.environ.get("PORT", "8000"))

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{project}</title>
<style>
  :root {{ color-scheme: light dark; font: 1rem/1.6 system-ui, sans-serif }}
  body {{ max-width: 36rem; margin: 12vh auto; padding: 0 1.5rem }}
  code {{ background: #8883; padding: .1em .4em; border-radius: .3em }}
</style>
<h1>{project}</h1>
<p>The <strong>{environment}</strong> environment is running on Python {version}.</p>
<p>Edit <code>app.py</code>, or look at <a href="{prefix}/api">the same as JSON</a>.</p>
</html>
"""


def page(prefix: str) -> str:
    """The start page, with links below the prefix that the gateway stripped from the path."""
    return PAGE.format(
        project=html.escape(PROJECT),
        environment=html.escape(ENVIRONMENT),
        version=platform.python_version(),
        prefix=html.escape(prefix.rstrip("/")),
    )


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60  # seconds after which an idle connection is closed

    def do_GET(self) -> None:
        match urlsplit(self.path).path:
            case "/":
                self.reply(HTTPStatus.OK, "text/html", page(self.headers.get("X-Forwarded-Prefix", "")))
            case "/api":
                body = json.dumps({"project": PROJECT, "environment": ENVIRONMENT})
                self.reply(HTTPStatus.OK, "application/json", body)
            case "/healthz":
                self.reply(HTTPStatus.OK, "text/plain", "ok\n")
            case _:
                self.reply(HTTPStatus.NOT_FOUND, "text/plain", "Not found\n")

    do_HEAD = do_GET

    def reply(self, status: HTTPStatus, kind: str, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-cache")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def main() -> None:
    server = ThreadingHTTPServer(("", PORT), Handler)
    # shutdown() waits for serve_forever(), which the signal interrupts: it needs a thread of its own.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    print(f"listening on port {PORT}")
    server.serve_forever()
    server.server_close()


if __name__ == "__main__":
    main()
