"""The Batch and Files API over HTTP."""

from __future__ import annotations

import asyncio
import json
import re
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from batchdeck.sandbox import errors
from batchdeck.sandbox.control import control_routes
from batchdeck.sandbox.errors import ApiError
from batchdeck.sandbox.files import StoredFile
from batchdeck.sandbox.gate import Connections, Gate, answer_error
from batchdeck.sandbox.job import Job
from batchdeck.sandbox.moods import Moods
from batchdeck.sandbox.multipart import BadMultipart, MultipartUpload, TooLarge
from batchdeck.sandbox.state import Sandbox
from batchdeck.sandbox.view import batch_json, file_json, page_json

_BOUNDARY = re.compile(r'boundary="?([^";]+)"?', re.IGNORECASE)
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_CHUNK = 1 << 18
_MOST_FILES = 10_000
_SECONDS_FOR_SIZES = 1.0
_PURPOSES = ("assistants", "batch", "fine-tune", "vision", "user_data", "evals")


def create_app(state: Sandbox, connections: Connections | None = None) -> ASGIApp:
    """The sandbox as an ASGI app; it needs no lifespan.

    Args:
        state: What is served.
        connections: Open connections by client address, for faults that break them.
    """
    api = _Api(state)
    routes = [
        Route("/v1/files", api.upload, methods=["POST"]),
        Route("/v1/files", api.list_files, methods=["GET"]),
        Route("/v1/files/{file_id}", api.retrieve_file, methods=["GET"]),
        Route("/v1/files/{file_id}", api.delete_file, methods=["DELETE"]),
        Route("/v1/files/{file_id}/content", api.content, methods=["GET"]),
        Route("/v1/batches", api.create, methods=["POST"]),
        Route("/v1/batches", api.list_batches, methods=["GET"]),
        Route("/v1/batches/{batch_id}", api.retrieve, methods=["GET"]),
        Route("/v1/batches/{batch_id}/cancel", api.cancel, methods=["POST"]),
        Route("/v1/models", api.models, methods=["GET"]),
        *control_routes(state),
    ]
    app = Starlette(routes=routes)
    return Gate(_Refusals(app, state.moods), state, connections)


class _Refusals:
    """Turns refusals and unknown paths into answers of the service's shape."""

    def __init__(self, app: Starlette, moods: Moods) -> None:
        self._moods = moods
        app.add_exception_handler(ApiError, self._refused)
        app.add_exception_handler(404, self._unknown)
        app.add_exception_handler(405, self._unknown)
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)

    async def _refused(self, request: Request, refusal: Exception) -> Response:
        if not isinstance(refusal, ApiError):
            raise refusal
        return _Refusal(refusal, self._moods.error_shape)

    async def _unknown(self, request: Request, problem: Exception) -> Response:
        status = getattr(problem, "status_code", 404)
        message = f"Invalid URL ({request.method} {request.url.path})"
        return _Refusal(ApiError(status, message), self._moods.error_shape)


class _Refusal(Response):
    def __init__(self, refusal: ApiError, shape: str) -> None:
        super().__init__(status_code=refusal.status)
        self._refusal = refusal
        self._shape = shape

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await answer_error(self._refusal, self._shape, send)


class _Api:
    def __init__(self, state: Sandbox) -> None:
        self._state = state

    def _told(self, job: Job) -> dict[str, Any]:
        return batch_json(job, self._state.now(), self._state.moods)

    async def create(self, request: Request) -> Response:
        state = self._state
        try:
            told = await request.json()
        except ValueError:
            told = None
        if not isinstance(told, dict):
            raise ApiError(400, "We could not parse the JSON body of your request.")
        await state.settle()
        await self._make_input(told.get("input_file_id"))
        job = state.create(told)
        if "create_500" in job.mood:
            raise ApiError(500, "The server had an error while processing your request.", kind="server_error")
        if state.moods.wrapped_create:
            return JSONResponse({"job": self._told(job), "warning": ""})
        return JSONResponse(self._told(job))

    async def _make_input(self, file_id: object) -> None:
        """Write the content of a seeded file that a batch is about to read."""
        with suppress(ApiError):
            file = self._state.file(str(file_id))
            if not file.is_ready:
                await asyncio.to_thread(file.ensure)

    async def retrieve(self, request: Request) -> Response:
        await self._state.settle()
        return JSONResponse(self._told(self._state.find(request.path_params["batch_id"])))

    async def cancel(self, request: Request) -> Response:
        await self._state.settle()
        return JSONResponse(self._told(self._state.cancel(request.path_params["batch_id"])))

    async def list_batches(self, request: Request) -> Response:
        limit = _limit(request, default=20, most=100)
        await self._state.settle()
        page, has_more = self._state.page(request.query_params.get("after"), limit)
        return JSONResponse(page_json([self._told(job) for job in page], has_more, self._state.moods))

    async def models(self, request: Request) -> Response:
        names = sorted({job.model for job in self._state.book.jobs() if job.model} | {"gpt-4o-mini"})
        data = [{"id": name, "object": "model", "created": 1, "owned_by": "sandbox"} for name in names]
        return JSONResponse({"object": "list", "data": data})

    async def upload(self, request: Request) -> Response:
        state = self._state
        boundary = _BOUNDARY.search(request.headers.get("content-type", ""))
        if boundary is None:
            raise ApiError(400, "The request must be multipart/form-data.")
        announced = request.headers.get("content-length", "")
        most = state.moods.max_upload_bytes
        if announced.isdigit() and int(announced) > most + 65_536:
            raise ApiError(413, f"Maximum content size limit ({most}) exceeded.")
        path = state.shelf.path_for(f"upload-{uuid.uuid4().hex}")
        try:
            with MultipartUpload(boundary.group(1).encode("latin-1"), path, most) as upload:
                await upload.read(request.stream())
                life = _check_upload(upload, state.moods)
        except BadMultipart as problem:
            raise ApiError(400, f"Malformed multipart body: {problem}.") from None
        except TooLarge:
            raise ApiError(413, f"Maximum content size limit ({most}) exceeded.") from None
        except ClientDisconnect:
            return Response(status_code=499)
        file = state.keep_upload(upload.filename or "", upload.fields["purpose"], path, upload.size, life)
        return JSONResponse(file_json(file, self._state.moods))

    async def list_files(self, request: Request) -> Response:
        order = request.query_params.get("order", "desc")
        if order not in ("asc", "desc"):
            raise errors.invalid_parameter(
                "order", f"Invalid value: '{order}'. Supported values are: 'asc', 'desc'."
            )
        limit = _limit(request, default=_MOST_FILES, most=_MOST_FILES)
        await self._state.settle()
        page, has_more = self._state.list_files(
            purpose=request.query_params.get("purpose"),
            after=request.query_params.get("after"),
            limit=limit,
            newest_first=order == "desc",
        )
        ready = await asyncio.to_thread(_ensure_all, page)
        page, has_more = page[:ready], has_more or ready < len(page)
        return JSONResponse(
            page_json([file_json(file, self._state.moods) for file in page], has_more, self._state.moods)
        )

    async def _file(self, request: Request) -> StoredFile:
        await self._state.settle()
        return self._state.file(request.path_params["file_id"])

    async def retrieve_file(self, request: Request) -> Response:
        file = await self._file(request)
        if file.size is None:
            await asyncio.to_thread(file.ensure)
        return JSONResponse(file_json(file, self._state.moods))

    async def delete_file(self, request: Request) -> Response:
        file = await self._file(request)
        self._state.shelf.remove(file)
        return JSONResponse({"id": file.id, "object": "file", "deleted": True})

    async def content(self, request: Request) -> Response:
        file = await self._file(request)
        if not file.is_ready:
            await asyncio.to_thread(file.ensure)
        moods = self._state.moods
        size = file.size or 0
        headers = {"content-disposition": f'attachment; filename="{file.id}.jsonl"'}
        start, end, status = 0, size, 200
        asked = _RANGE.fullmatch(request.headers.get("range", "")) if moods.ranges else None
        if moods.ranges:
            headers["accept-ranges"] = "bytes"
        if asked is not None and asked.group(0) != "bytes=-":
            if asked.group(1):
                start = int(asked.group(1))
                end = min(size, int(asked.group(2)) + 1) if asked.group(2) else size
            else:
                start = max(0, size - int(asked.group(2)))
            if start >= size or start >= end:
                return Response(status_code=416, headers={"content-range": f"bytes */{size}"})
            status = 206
            headers["content-range"] = f"bytes {start}-{end - 1}/{size}"
        if moods.announce_length:
            headers["content-length"] = str(end - start)
        return StreamingResponse(
            _read(file, start, end), status_code=status, headers=headers, media_type=moods.content_type
        )


def _ensure_all(files: list[StoredFile]) -> int:
    """Find out the sizes of files, for a second at most but of one at least; how many are known now."""
    deadline = time.monotonic() + _SECONDS_FOR_SIZES
    for number, file in enumerate(files):
        if file.size is None:
            if number and time.monotonic() > deadline:
                return number
            file.ensure()
    return len(files)


async def _read(file: StoredFile, start: int, end: int) -> AsyncIterator[bytes]:
    with file.content_path.open("rb", buffering=0) as body:
        body.seek(start)
        left = end - start
        while left > 0:
            piece = body.read(min(_CHUNK, left))
            if not piece:
                return
            left -= len(piece)
            yield piece


def _limit(request: Request, *, default: int, most: int) -> int:
    told = request.query_params.get("limit")
    if told is None:
        return default
    if not told.lstrip("-").isdigit():
        raise errors.invalid_parameter(
            "limit", f"Invalid 'limit': expected an integer, but got '{told}' instead."
        )
    limit = int(told)
    if limit < 1:
        words = f"Invalid 'limit': integer below minimum value. Expected >= 1, but got {limit} instead."
        raise ApiError(400, words, param="limit", code="integer_below_min_value")
    if limit > most:
        words = f"Invalid 'limit': integer above maximum value. Expected <= {most}, but got {limit} instead."
        raise ApiError(400, words, param="limit", code="integer_above_max_value")
    return limit


def _check_upload(upload: MultipartUpload, moods: Moods) -> float | None:
    """The life of the file in seconds, where the upload says one."""
    if upload.filename is None:
        raise errors.missing_parameter("file")
    purpose = upload.fields.get("purpose")
    if not purpose:
        raise errors.missing_parameter("purpose")
    if purpose not in _PURPOSES:
        raise errors.invalid_parameter(
            "purpose", f"'{purpose}' is not one of {json.dumps(_PURPOSES)} - 'purpose'"
        )
    if purpose == "batch":
        if not upload.filename.lower().endswith(".jsonl"):
            raise ApiError(400, "Invalid file format for Batch API. Must be .jsonl", param="file")
        if upload.size > moods.max_batch_bytes:
            raise ApiError(400, "File is too large.", param="file")
    life = upload.fields.get("expires_after[seconds]")
    if life is None:
        return None
    if not life.isdigit() or not 3_600 <= int(life) <= 2_592_000:
        raise errors.invalid_parameter(
            "expires_after.seconds", "Invalid value: expected 3600 to 2592000 seconds."
        )
    return float(life)
