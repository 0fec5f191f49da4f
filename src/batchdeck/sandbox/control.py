"""The sandbox's own paths: faults, moods, the clock, what was asked for. They need no key."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from batchdeck.sandbox.faults import BadFault, FaultRule
from batchdeck.sandbox.moods import BadMood, Moods
from batchdeck.sandbox.state import Sandbox


def control_routes(state: Sandbox) -> list[Route]:
    """The routes under `/_sandbox`."""
    control = _Control(state)
    return [
        Route("/_sandbox/stats", control.stats, methods=["GET"]),
        Route("/_sandbox/clock", control.clock, methods=["GET", "POST"]),
        Route("/_sandbox/moods", control.moods, methods=["GET", "POST", "DELETE"]),
        Route("/_sandbox/faults", control.faults, methods=["GET", "POST", "DELETE"]),
        Route("/_sandbox/faults/{rule_id:int}", control.one_fault, methods=["DELETE"]),
        Route("/_sandbox/seed", control.seed, methods=["POST"]),
    ]


def _wrong(message: str) -> Response:
    return JSONResponse({"error": message}, status_code=400)


class _Control:
    def __init__(self, state: Sandbox) -> None:
        self._state = state

    async def stats(self, request: Request) -> Response:
        await self._state.settle()
        return JSONResponse(self._state.stats())

    async def clock(self, request: Request) -> Response:
        if request.method == "POST":
            told = await _object(request)
            seconds = told.get("advance")
            if not isinstance(seconds, int | float) or seconds < 0:
                return _wrong("'advance' takes seconds, 0 or more")
            self._state.advance_clock(float(seconds))
        return JSONResponse({"now": self._state.now()})

    async def moods(self, request: Request) -> Response:
        try:
            if request.method == "POST":
                self._state.moods.change(await _object(request))
            elif request.method == "DELETE":
                self._state.moods.change(Moods().as_json())
        except BadMood as problem:
            return _wrong(str(problem))
        return JSONResponse(self._state.moods.as_json())

    async def faults(self, request: Request) -> Response:
        if request.method == "POST":
            try:
                rule = FaultRule.of(await _object(request))
            except BadFault as problem:
                return _wrong(str(problem))
            return JSONResponse(self._state.faults.add(rule).as_json())
        if request.method == "DELETE":
            return JSONResponse({"removed": self._state.faults.clear()})
        return JSONResponse({"faults": [rule.as_json() for rule in self._state.faults.all()]})

    async def one_fault(self, request: Request) -> Response:
        return JSONResponse({"removed": self._state.faults.clear(request.path_params["rule_id"])})

    async def seed(self, request: Request) -> Response:
        from batchdeck.sandbox.demo import seed_demo, seed_many

        told = await _object(request)
        if told.get("demo"):
            seed_demo(self._state)
        many = told.get("batches", 0)
        if isinstance(many, int) and many > 0:
            seed_many(self._state, many)
        return JSONResponse({"batches": len(self._state.book)})


async def _object(request: Request) -> dict[str, Any]:
    try:
        told = await request.json()
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
