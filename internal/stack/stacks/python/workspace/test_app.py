"""Run with: python3 -m unittest"""

import threading
import unittest
import urllib.error
import urllib.request
from http.server import ThreadingHTTPServer

from app import Handler


class QuietHandler(Handler):
    def log_message(self, *_) -> None:
        """Keeps requests out of the test's output."""


class AppTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.server = ThreadingHTTPServer(("127.0.0.1", 0), QuietHandler)
        threading.Thread(target=cls.server.serve_forever, daemon=True).start()
        cls.addClassCleanup(cls.server.server_close)
        cls.addClassCleanup(cls.server.shutdown)

    def get(self, path: str, **headers: str):
        url = f"http://127.0.0.1:{self.server.server_port}{path}"
        return urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=5)

    def test_page_links_below_the_prefix(self) -> None:
        with self.get("/", **{"X-Forwarded-Prefix": "/projects/shop/"}) as response:
            self.assertIn('href="/projects/shop/api"', response.read().decode())

    def test_prefix_cannot_inject_markup(self) -> None:
        with self.get("/", **{"X-Forwarded-Prefix": '"><script>'}) as response:
            self.assertNotIn("<script>", response.read().decode())

    def test_health_check(self) -> None:
        with self.get("/healthz") as response:
            self.assertEqual(response.status, 200)

    def test_unknown_path(self) -> None:
        with self.assertRaises(urllib.error.HTTPError) as raised:
            self.get("/missing")
        self.assertEqual(raised.exception.code, 404)
        raised.exception.close()


if __name__ == "__main__":
    unittest.main()
