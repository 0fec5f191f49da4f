"""Any table, built, checked, answered, retried, merged and joined, comes back whole and in order."""

from __future__ import annotations

import csv
import io
import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from batchdeck.jsonl.build import build_file, load_template
from batchdeck.jsonl.check import check_file
from batchdeck.jsonl.merge import Join, RunFiles, merge
from batchdeck.jsonl.retry_set import find_unanswered, write_retry
from batchdeck.models.account import Limits
from batchdeck.models.batch import BatchStatus

ANY_CHARACTER = st.characters(codec=None)
NASTY = st.sampled_from(
    [
        '"',
        '""',
        "\n",
        "\r\n",
        "\r",
        "\x00",
        ",",
        ";",
        "\t",
        "{id}",
        "{{",
        "}}",
        "\\u0041",
        "\u2028",
        "\U0001f600",
        "=1",
        "'",
    ]
)
TEXT = st.text(ANY_CHARACTER, max_size=12) | st.lists(NASTY, max_size=5).map("".join)
IDS = TEXT.filter(lambda text: text.strip() != "")
SURROGATE_FREE = st.text(st.characters(codec="utf-8"), max_size=12) | st.lists(NASTY, max_size=5).map("".join)
QUICK = settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def template(folder: Path) -> Path:
    path = folder / "template.json"
    body = {"model": "m", "messages": [{"role": "user", "content": "Label {{this}}: {text}"}]}
    path.write_text(json.dumps({"custom_id": "c-{id}", "url": "/v1/chat/completions", "body": body}))
    return path


def result(line: bytes, fails: bool) -> str:
    """Return the row that answers a request line; the answer holds what was asked."""
    request = json.loads(line)
    asked = request["body"]["messages"][0]["content"]
    body = (
        {"error": {"message": "try again", "code": "server_error"}}
        if fails
        else {"choices": [{"message": {"content": f"answer to {asked}"}}]}
    )
    response = {"status_code": 500 if fails else 200, "request_id": "r", "body": body}
    return json.dumps({"custom_id": request["custom_id"], "response": response, "error": None}) + "\n"


def run(folder: Path, name: str, source: Path, rng: random.Random, failing: float) -> RunFiles:
    """Answer a request file out of order, some requests with an error and some not at all."""
    output: list[str] = []
    errors: list[str] = []
    for line in source.read_bytes().splitlines():
        fails = rng.random() < failing
        if fails and rng.random() < 0.4:
            continue
        (errors if fails else output).append(result(line, fails))
    rng.shuffle(output)
    paths = (folder / f"{name}-output.jsonl", folder / f"{name}-errors.jsonl")
    for path, rows in zip(paths, (output, errors), strict=True):
        path.write_text("".join(rows))
    return RunFiles(name, BatchStatus.COMPLETED, paths)


def there_and_back(folder: Path, table: Path, texts: dict[str, str], seed: int) -> list[RunFiles]:
    """Build, check, answer, and send again what failed, until all is answered."""
    rng = random.Random(seed)
    source = folder / "requests.jsonl"
    built = build_file(table, load_template(template(folder)), source)
    assert built.problems == ()
    assert built.requests == len(texts)
    checked = check_file(source, Limits(max_bytes=10**9))
    assert checked.problems == ()
    assert (checked.requests, checked.bytes) == (built.requests, built.bytes)
    runs = [run(folder, "A", source, rng, 0.4)]
    current = source
    for name, failing in (("B", 0.3), ("C", 0.0)):
        last = runs[-1]
        found = find_unanswered(current, last.result_paths, ended=last.status)
        if not found.unanswered:
            break
        write_retry(current, found, folder / f"{name}.jsonl", include_all=True)
        current = folder / f"{name}.jsonl"
        runs.append(run(folder, name, current, rng, failing))
    return runs


def expected(text: str) -> str:
    return f"answer to Label {{this}}: {text}"


@QUICK
@given(
    texts=st.dictionaries(
        SURROGATE_FREE.filter(lambda text: text.strip() != ""), SURROGATE_FREE, min_size=1, max_size=8
    ),
    seed=st.integers(0, 2**32),
    end=st.sampled_from(["\n", "\r\n"]),
    suffix=st.sampled_from([".csv", ".tsv"]),
)
def test_a_csv_table_comes_back_in_order(
    tmp_path: Path, texts: dict[str, str], seed: int, end: str, suffix: str
) -> None:
    table = tmp_path / f"table{suffix}"
    buffer = io.StringIO(newline="")
    writer = csv.writer(
        buffer, quoting=csv.QUOTE_ALL, lineterminator=end, delimiter="\t" if suffix == ".tsv" else ","
    )
    writer.writerows([("id", "text"), *texts.items()])
    table.write_bytes(buffer.getvalue().encode())
    runs = there_and_back(tmp_path, table, texts, seed)
    out = tmp_path / "merged.csv"
    summary = merge(
        tmp_path / "requests.jsonl", runs, out, format="csv", raw=True, join=Join(table, "c-{id}")
    )
    assert (summary.rows, summary.ok, summary.notes) == (len(texts), len(texts), ())
    rows = list(csv.DictReader(io.StringIO(out.read_bytes().decode(), newline="")))
    assert [(row["id"], row["text"], row["custom_id"], row["outcome"], row["content"]) for row in rows] == [
        (key, text, f"c-{key}", "ok", expected(text)) for key, text in texts.items()
    ]


@QUICK
@given(texts=st.dictionaries(IDS, TEXT, min_size=1, max_size=8), seed=st.integers(0, 2**32))
@example(texts={"1": "x" * 1_000_000 + "\ud800"}, seed=0)
def test_a_jsonl_table_of_any_text_comes_back_in_order(
    tmp_path: Path, texts: dict[str, str], seed: int
) -> None:
    table = tmp_path / "table.jsonl"
    table.write_text("".join(json.dumps({"id": key, "text": text}) + "\n" for key, text in texts.items()))
    runs = there_and_back(tmp_path, table, texts, seed)
    out = tmp_path / "merged.jsonl"
    summary = merge(tmp_path / "requests.jsonl", runs, out, join=Join(table, "c-{id}"))
    assert (summary.rows, summary.ok, summary.notes) == (len(texts), len(texts), ())
    rows: list[dict[str, Any]] = [json.loads(line) for line in out.read_bytes().splitlines()]
    assert [
        (row["id"], row["text"], row["response"]["body"]["choices"][0]["message"]["content"]) for row in rows
    ] == [(key, text, expected(text)) for key, text in texts.items()]


@pytest.mark.parametrize("seed", range(3))
def test_thousands_of_rows_come_back_in_order(tmp_path: Path, seed: int) -> None:
    texts = {str(number): f"text {number}\n" * (number % 7) for number in range(3_000)}
    table = tmp_path / "table.csv"
    with table.open("w", newline="") as stream:
        csv.writer(stream).writerows([("id", "text"), *texts.items()])
    runs = there_and_back(tmp_path, table, texts, seed)
    assert len(runs) == 3
    out = tmp_path / "merged.csv"
    merge(tmp_path / "requests.jsonl", runs, out, format="csv", join=Join(table, "c-{id}"))
    rows = list(csv.DictReader(io.StringIO(out.read_bytes().decode(), newline="")))
    assert [(row["id"], row["content"]) for row in rows] == [
        (key, expected(text)) for key, text in texts.items()
    ]
