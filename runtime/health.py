"""/healthz, /readyz and /metrics of one process, on aiohttp and prometheus-client.

Promises  /healthz is 200 while the process makes progress; /readyz is 200 while it can do its job now;
          both answer with a JSON object that says what is checked and what is wrong.
Leaves    What to check to the process: it hands in functions that return None (well) or a sentence (what is wrong).
"""

from collections.abc import Awaitable, Callable, Mapping

import msgspec
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

Check = Callable[[], str | None]
Page = Callable[[], Awaitable[object]]
"""What else a process tells: a coroutine function whose result is sent as JSON."""


class HealthServer:
    """The three addresses of a process; `port` is the one it really listens on."""

    def __init__(self, host: str, port: int, alive: Mapping[str, Check], ready: Mapping[str, Check], extra: Mapping[str, Page] | None = None) -> None:
        self._host, self.port = host, port
        self._alive, self._ready = alive, ready
        app = web.Application()
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", _metrics)
        for path, page in (extra or {}).items():
            app.router.add_get(path, _page(page))
        self._runner = web.AppRunner(app, access_log=None)

    async def start(self) -> None:
        """Listen; port 0 picks a free one, then readable as `port`."""
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Stop listening."""
        await self._runner.cleanup()

    async def _healthz(self, _request: web.Request) -> web.Response:
        return _answer(self._alive)

    async def _readyz(self, _request: web.Request) -> web.Response:
        return _answer({**self._alive, **self._ready})


def _answer(checks: Mapping[str, Check]) -> web.Response:
    wrong = {name: said for name, check in checks.items() if (said := check()) is not None}
    body = msgspec.json.encode({"ok": not wrong, "checked": sorted(checks), "wrong": wrong})
    return web.Response(body=body, status=503 if wrong else 200, content_type="application/json")


def _page(page: Page) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(body=msgspec.json.encode(await page()), content_type="application/json")

    return answer


async def _metrics(_request: web.Request) -> web.Response:
    return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})
