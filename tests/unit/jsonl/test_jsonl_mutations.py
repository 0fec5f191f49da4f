"""Ten thousand broken files: no crash, and every refused line is named by its right number."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path
from typing import Any

from batchdeck.jsonl.check import check_file
from batchdeck.jsonl.rules import ENDPOINTS
from batchdeck.models.account import Limits

FILES = int(os.environ.get("BATCHDECK_MUTATED_FILES", "10000"))
LIMITS = Limits(max_requests=8, max_bytes=4_000)
FIELDS = ("custom_id", "method", "url", "body")
ODD_VALUES: tuple[Any, ...] = (
    None,
    7,
    1.5,
    True,
    "",
    " ",
    [],
    {},
    ["a"],
    {"a": 1},
    "POST",
    "/v1/embeddings",
    "post",
    "x" * 600,
)


def good_line(rng: random.Random, number: int) -> bytes:
    """Return a request in order, now and then with what is odd but allowed."""
    text = rng.choice(
        ["hello", "grüße", "日本", "\U0001f600", 'say "no"\n', "\\", "\u2028", "\x7f"]
    ) * rng.randint(1, 9)
    line = {
        "custom_id": f"line-{number}",
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": {"model": "m", "messages": [{"role": "user", "content": text}], "max_tokens": 5},
    }
    items = list(line.items())
    if rng.random() < 0.2:
        rng.shuffle(items)
    encoded = json.dumps(dict(items), ensure_ascii=rng.random() < 0.3).encode()
    return encoded.replace(b'"content": "', b'"content": "\\ud800', 1) if rng.random() < 0.1 else encoded


def mutate_line(rng: random.Random, raw: bytes) -> bytes:
    """Break a line somehow."""
    kind = rng.randrange(14)
    place = rng.randrange(len(raw)) if raw else 0
    if kind == 0:
        return raw[:place] + bytes([rng.randrange(256)]) + raw[place + 1 :]
    if kind == 1:
        return raw[:place]
    if kind == 2:
        return (
            raw[:place]
            + rng.choice([b"\x00", b"\xe9", b"\xed\xa0\x80", b"\xff", b"\t", b'"', b"}", b"\x0c"])
            + raw[place:]
        )
    if kind == 3:
        return rng.choice(
            [b"", b" ", b"\t\r", b"[]", b"null", b"{}", b"12", b'"x"', b"\x0c", b"\x00\x00\x00\x00"]
        )
    if kind == 4:
        return raw.replace(
            b'"max_tokens": 5',
            b'"max_tokens": ' + rng.choice([b"NaN", b"-Infinity", b"1e999", b"05", b"9" * 5000]),
        )
    if kind == 5:
        return raw.replace(
            b'"max_tokens": 5',
            rng.choice([b'"model": "m"', b'"x": {"a": 1, "a": 2}', b'"stream": true', b'"stream": false']),
        )
    if kind == 6:
        return raw[:-1] + rng.choice(
            [b', "url": "/v1/chat/completions"}', b', "custom\\u005fid": "z"}', b",}", b"} {}", b"}}"]
        )
    if kind == 7:
        return raw.replace(b'"max_tokens": 5', b'"max_tokens": ' + b"[" * 1200 + b"]" * 1200)
    if kind == 8:
        return raw.replace(b'"max_tokens": 5', b'"max_tokens": ' + b"[" * 300 + b"]" * 300)
    try:
        line = json.loads(raw)
    except (ValueError, RecursionError):
        return raw
    if not isinstance(line, dict):
        return raw
    if kind in (9, 10):
        line.pop(rng.choice(FIELDS), None)
    elif kind in (11, 12):
        line[rng.choice(FIELDS)] = rng.choice(ODD_VALUES)
    elif isinstance(line.get("body"), dict):
        line["body"]["model"] = rng.choice([*ODD_VALUES, "m", "n"])
    return json.dumps(line).encode()


def mutated_file(rng: random.Random) -> bytes:
    """Return some lines, a few of them broken."""
    lines = [good_line(rng, number) for number in range(rng.randint(1, 7))]
    for _ in range(rng.randint(1, 3)):
        place = rng.randrange(len(lines))
        lines[place] = mutate_line(rng, lines[place])
    for _ in range(rng.randint(0, 2)):
        kind = rng.randrange(5)
        if kind == 0:
            lines.insert(rng.randint(0, len(lines)), rng.choice(lines))
        elif kind == 1:
            lines.insert(rng.randint(0, len(lines)), b"")
        elif kind == 2:
            rng.shuffle(lines)
        elif kind == 3 and len(lines) > 1:
            place = rng.randrange(len(lines) - 1)
            lines[place : place + 2] = [lines[place] + lines[place + 1]]
        elif kind == 4:
            lines = [line + b"\r" for line in lines]
    data = b"\n".join(lines)
    if rng.random() < 0.7:
        data += b"\n"
    if rng.random() < 0.03:
        data = b"\xef\xbb\xbf" + data
    return data


class Refused(Exception):
    """A line that may not be sent."""


def no_constant(name: str) -> Any:
    raise ValueError(name)


def parsed(raw: bytes) -> dict[str, Any]:
    """Return a line's object, judged by the standard library alone."""
    doubled: list[object] = []

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(items)
        if len(found) < len(items):
            doubled.append(found)
        return found

    try:
        row = json.loads(raw.decode("utf-8"), parse_constant=no_constant, object_pairs_hook=pairs)
    except (ValueError, RecursionError) as error:
        raise Refused from error
    if type(row) is not dict or any(found is row or found is row.get("body") for found in doubled):
        raise Refused
    return row


def wrong_lines(data: bytes) -> set[int]:
    """Return the numbers of the lines that have an error, from the rules alone."""
    wrong: set[int] = set()
    if data.startswith(b"\xef\xbb\xbf"):
        wrong.add(1)
        data = data[3:]
    lines = data.split(b"\n")
    while lines and not lines[-1].strip(b" \t\r"):
        lines.pop()
    ids: set[str] = set()
    url = model = None
    for number, raw in enumerate(lines, 1):
        try:
            row = parsed(raw)
        except Refused:
            wrong.add(number)
            try:
                row = json.loads(raw.decode())
            except (ValueError, RecursionError):
                continue
            if type(row) is not dict or b"NaN" in raw or b"Infinity" in raw:
                continue
        custom_id = row.get("custom_id")
        if not isinstance(custom_id, str) or not custom_id.strip() or custom_id in ids:
            wrong.add(number)
        if isinstance(custom_id, str):
            ids.add(custom_id)
        if row.get("method") != "POST":
            wrong.add(number)
        if row.get("url") in ENDPOINTS:
            url = url or row["url"]
            if row["url"] != url:
                wrong.add(number)
        else:
            wrong.add(number)
        body = row.get("body")
        if type(body) is not dict:
            wrong.add(number)
            continue
        if body.get("stream"):
            wrong.add(number)
        if type(body.get("model")) is not str or not body["model"].strip():
            wrong.add(number)
        else:
            model = model or body["model"]
            if body["model"] != model:
                wrong.add(number)
    return wrong


def test_every_refused_line_of_mutated_files_is_named(tmp_path: Path) -> None:
    valid = 0
    for seed in range(FILES):
        rng = random.Random(seed)
        data = mutated_file(rng)
        path = tmp_path / f"{seed}.jsonl"
        path.write_bytes(data)
        report = check_file(path, LIMITS)
        path.unlink()
        named = {problem.line for problem in report.problems if problem.is_error and problem.line}
        assert named == wrong_lines(data), (seed, data, report.problems)
        assert report.error_count == sum(problem.is_error for problem in report.problems), seed
        assert sum(report.problem_counts.values()) == len(report.problems), seed
        valid += report.is_valid
    assert FILES * 0.02 < valid < FILES * 0.5
