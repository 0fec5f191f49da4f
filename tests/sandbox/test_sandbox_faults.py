"""Faults on order, over a real socket."""

from __future__ import annotations

import socket
import time
from typing import Any

import httpx2
import pytest

from batchdeck.sandbox.app import create_app
from batchdeck.sandbox.faults import BadFault, FaultRule, FaultRules
from batchdeck.sandbox.state import Sandbox
from tests.sandbox.conftest import as_lines, chat
from tests.sandbox.served import Served

CREATE = {"method": "POST", "path": "/v1/batches"}


def stats(served: Served) -> dict[str, Any]:
    """What the sandbox has counted."""
    told: dict[str, Any] = httpx2.get(f"{served.url}/_sandbox/stats").json()
    return told


def upload(http: httpx2.Client, size: int = 1) -> str:
    """A file of so many requests."""
    body = as_lines([chat(number) for number in range(size)])
    answer = http.post("/v1/files", files={"file": ("in.jsonl", body)}, data={"purpose": "batch"})
    file_id: str = answer.json()["id"]
    return file_id


def create(http: httpx2.Client, file_id: str) -> httpx2.Response:
    """A batch of a file."""
    asked = {"input_file_id": file_id, "endpoint": "/v1/chat/completions", "completion_window": "24h"}
    return http.post("/v1/batches", json=asked)


@pytest.mark.parametrize(("kind", "made"), [("drop_before", 0), ("reset", 0), ("drop_after", 1)])
def test_a_dropped_create_has_no_answer(served: Served, kind: str, made: int) -> None:
    with served.client() as http:
        file_id = upload(http)
        served.fault(kind=kind, **CREATE)
        with pytest.raises((httpx2.RemoteProtocolError, httpx2.ReadError)):
            create(http, file_id)
        assert stats(served)["creates"] == made
        assert create(http, file_id).status_code == 200
        assert stats(served)["creates"] == made + 1


def test_a_reset_is_told_from_a_close(served: Served) -> None:
    with served.client() as http:
        served.fault(kind="reset")
        with pytest.raises(httpx2.ReadError):
            http.get("/v1/batches")


def test_a_dropped_upload_keeps_the_file_only_after(served: Served) -> None:
    with served.client() as http:
        served.fault(kind="drop_before", method="POST", path="/v1/files")
        with pytest.raises(httpx2.TransportError):
            upload(http, 20_000)
        assert stats(served)["uploads"] == 0
        served.fault(kind="drop_after", method="POST", path="/v1/files")
        with pytest.raises(httpx2.TransportError):
            upload(http, 20_000)
        assert stats(served)["uploads"] == 1


@pytest.mark.parametrize("at", [0, 1, 999, 100_000])
def test_a_truncated_download_ends_at_its_byte(served: Served, at: int) -> None:
    with served.client() as http:
        file_id = upload(http, 5_000)
        path = f"/v1/files/{file_id}/content"
        whole = http.get(path).content
        served.fault(kind="truncate", at=at, path=".*/content")
        got = b""
        with pytest.raises(httpx2.RemoteProtocolError), http.stream("GET", path) as answer:
            assert answer.headers["content-length"] == str(len(whole))
            for piece in answer.iter_raw():
                got += piece
        assert got == whole[:at]
        rest = http.get(path, headers={"range": f"bytes={at}-"})
        assert rest.status_code == 206
        assert got + rest.content == whole


def test_a_status_can_be_had_before_and_after_the_work(served: Served) -> None:
    with served.client() as http:
        file_id = upload(http)
        served.fault(kind="status", status=429, headers={"retry-after": "7"}, **CREATE)
        refused = create(http, file_id)
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "7")
        assert stats(served)["creates"] == 0
        served.fault(kind="status_after", status=502, body="<html>", **CREATE)
        unclear = create(http, file_id)
        assert (unclear.status_code, unclear.text) == (502, "<html>")
        assert stats(served)["creates"] == 1


def test_garbage_delay_and_slowness(served: Served) -> None:
    with served.client() as http:
        file_id = upload(http, 100)
        path = f"/v1/files/{file_id}/content"
        size = len(http.get(path).content)
        served.fault(kind="garbage")
        assert http.get("/v1/batches").text.startswith("<!DOCTYPE html>")
        served.fault(kind="garbage", body="{not json")
        assert http.get("/v1/batches").text == "{not json"
        for rule in ({"kind": "delay", "seconds": 0.2}, {"kind": "slow", "rate": size * 5}):
            served.fault(**rule)
            begun = time.monotonic()
            assert len(http.get(path).content) == size
            assert 0.15 < time.monotonic() - begun < 2.0


def test_a_connection_may_be_closed_after_an_error(served: Served) -> None:
    served.sandbox.moods.close_after_errors = True
    with socket.create_connection(("127.0.0.1", served.port), timeout=5) as raw:
        head = b" HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer any\r\n\r\n"
        raw.sendall(b"GET /v1/batches?limit=1" + head)
        listed = b""
        while not listed.endswith(b"}"):
            listed += raw.recv(65_536)
        assert listed.startswith(b"HTTP/1.1 200")
        raw.sendall(b"GET /v1/batches/none" + head)
        answer = b""
        while piece := raw.recv(65_536):
            answer += piece
        assert answer.startswith(b"HTTP/1.1 404") and b"connection: close" not in answer.lower()


def test_rules_are_listed_and_taken_away(served: Served) -> None:
    served.fault(kind="status", status=500, times=0)
    served.fault(kind="delay", seconds=0.0)
    with served.client() as http:
        assert [http.get("/v1/batches").status_code for _ in range(3)] == [500, 500, 500]
        faults = http.get("/_sandbox/faults").json()["faults"]
        assert [(rule["kind"], rule["hits"]) for rule in faults] == [("status", 3), ("delay", 0)]
        assert http.delete(f"/_sandbox/faults/{faults[0]['id']}").json() == {"removed": 1}
        assert http.get("/v1/batches").status_code == 200
        assert http.delete("/_sandbox/faults").json() == {"removed": 1}
        assert http.post("/_sandbox/faults", json={"kind": "fire"}).status_code == 400


def test_a_rule_falls_on_the_calls_it_names() -> None:
    rules = FaultRules()
    rules.add(
        FaultRule.of({"kind": "status", "method": "GET", "path": "/v1/batches/.*", "nth": 2, "times": 2})
    )

    def falls(method: str, path: str) -> bool:
        return rules.falls_on(method, path) is not None

    assert [falls("GET", "/v1/batches/b") for _ in range(5)] == [False, True, True, False, False]
    assert not falls("POST", "/v1/batches/b/cancel")
    assert not falls("GET", "/v1/batches")


@pytest.mark.parametrize(
    "rule",
    [
        {},
        {"kind": "fire"},
        {"kind": "status", "code": 1},
        {"kind": "status", "status": "x"},
        {"kind": "delay", "path": "("},
    ],
)
def test_a_rule_that_cannot_be_is_refused(rule: dict[str, Any]) -> None:
    with pytest.raises(BadFault):
        FaultRule.of(rule)


@pytest.mark.anyio
async def test_a_drop_in_the_same_process_is_a_connection_error() -> None:
    state = Sandbox()
    state.faults.add(FaultRule.of({"kind": "drop_after"}))
    transport = httpx2.ASGITransport(app=create_app(state))
    headers = {"Authorization": "Bearer any"}
    try:
        async with httpx2.AsyncClient(
            transport=transport, base_url="http://sandbox", headers=headers
        ) as http:
            with pytest.raises(ConnectionResetError):
                await http.get("/v1/batches")
            assert (await http.get("/v1/batches")).status_code == 200
    finally:
        state.close()
