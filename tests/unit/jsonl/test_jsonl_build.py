"""Request files from tables and templates."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from batchdeck.errors import FileProblem, Interrupted, InvalidInput
from batchdeck.jsonl.build import build_file, load_template, preview
from batchdeck.jsonl.check import check_file
from batchdeck.models.account import Limits
from batchdeck.models.lines import BuildReport

LINE = {
    "custom_id": "comment-{id}",
    "method": "POST",
    "url": "/v1/chat/completions",
    "body": {"model": "m", "messages": [{"role": "user", "content": "{text}"}]},
}


def write(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def template_file(tmp_path: Path, line: Any = LINE) -> Path:
    return write(tmp_path / "template.json", json.dumps(line))


def build(tmp_path: Path, table: Path, template: Path | None = None) -> tuple[BuildReport, list[Any]]:
    out = tmp_path / "out.jsonl"
    report = build_file(table, load_template(template or template_file(tmp_path)), out)
    lines = [json.loads(line) for line in out.read_bytes().splitlines()] if out.exists() else []
    return report, lines


def csv_file(tmp_path: Path, text: str | bytes, name: str = "table.csv") -> Path:
    return write(tmp_path / name, text)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("t.csv", 'id,text\n1,"a ""b"", c"\n2,"line\nline"\n'),
        ("t.csv", '\ufeffid,text\r\n1,"a ""b"", c"\r\n2,"line\nline"\r\n'),
        ("t.csv", 'id;text\n1;"a ""b"", c"\n2;"line\nline"'),
        ("t.tsv", 'id\ttext\n1\t"a ""b"", c"\n2\t"line\nline"\n'),
        ("t.jsonl", '{"id": 1, "text": "a \\"b\\", c"}\n{"text": "line\\nline", "id": "2"}\n'),
        ("t.ndjson", '\ufeff{"id": 1, "text": "a \\"b\\", c"}\n{"text": "line\\nline", "id": "2"}'),
        ("t.txt", '{"id": 1, "text": "a \\"b\\", c"}\n{"text": "line\\nline", "id": "2"}'),
        ("t.txt", 'id\ttext\n1\t"a ""b"", c"\n2\t"line\nline"\n'),
    ],
)
def test_tables_of_every_kind_give_the_same_requests(tmp_path: Path, name: str, text: str) -> None:
    report, lines = build(tmp_path, csv_file(tmp_path, text, name))
    assert (report.problems, report.requests) == ((), 2)
    assert [line["custom_id"] for line in lines] == ["comment-1", "comment-2"]
    assert [line["body"]["messages"][0]["content"] for line in lines] == ['a "b", c', "line\nline"]
    assert list(lines[0]) == ["custom_id", "method", "url", "body"]
    assert report.bytes == (tmp_path / "out.jsonl").stat().st_size
    assert check_file(tmp_path / "out.jsonl", Limits()).is_valid


@pytest.mark.parametrize(
    ("text", "row", "code"),
    [
        ("id,text\n1,a\n\n2,b\n", 3, "empty_row"),
        ("id,text\n1,a\n , \n2,b\n", 3, "empty_row"),
        ("id,text\n1,a\n2,b,c\n", 3, "ragged_row"),
        ("id,text\n1,a\n2\n", 3, "ragged_row"),
        ('id,text\n1,"a\nb"\n1,c\n', 3, "duplicate_custom_id"),
        ("id,text\n1,a\n,b\n", 3, "empty_id"),
        ('id,text\n1,a\n2,"b" c\n', 3, "invalid_row"),
        ('id,text\n1,a\n2,"b\n', 3, "invalid_row"),
        (b"id,text\n1,a\n2,caf\xe9\n", 3, "wrong_encoding"),
        ("id,words\n1,a\n", 1, "missing_column"),
        ("id,text,text\n1,a,b\n", 1, "repeated_column"),
        ("id,text\n", 0, "empty_table"),
    ],
)
def test_a_wrong_row_is_named_and_nothing_is_written(
    tmp_path: Path, text: str | bytes, row: int, code: str
) -> None:
    report, _ = build(tmp_path, csv_file(tmp_path, text))
    assert [(problem.line, problem.code) for problem in report.problems] == [(row, code)]
    assert report.problem_count == 1
    assert report.bytes == 0
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["table.csv", "template.json"]


@pytest.mark.parametrize(
    ("text", "row", "code"),
    [
        ('{"id": 1, "text": "a"}\n{"id": 2}\n', 2, "missing_column"),
        ('{"id": 1, "text": "a"}\n\n{"id": 2, "text": "b"}\n', 2, "empty_row"),
        ('{"id": 1, "text": "a"}\n{}\n', 2, "empty_row"),
        ('{"id": 1, "text": "a"}\n[1]\n', 2, "invalid_row"),
        ('{"id": 1, "text": "a"}\n{"id": null, "text": "b"}\n', 2, "empty_id"),
        ('{"id": 1, "text": "a"}\n{"id": "1", "text": "b"}\n', 2, "duplicate_custom_id"),
        (b'{"id": 1, "text": "a"}\n{"id": 2, "text": "\xe9"}\n', 2, "wrong_encoding"),
    ],
)
def test_a_wrong_row_of_jsonl_is_named(tmp_path: Path, text: str | bytes, row: int, code: str) -> None:
    report, lines = build(tmp_path, csv_file(tmp_path, text, "table.jsonl"))
    assert [(problem.line, problem.code) for problem in report.problems] == [(row, code)]
    assert lines == []


def test_all_problems_are_counted_and_the_first_thousand_kept(tmp_path: Path) -> None:
    rows = "".join(f"{number},a\n,b\n{number},c\n" for number in range(900))
    report, lines = build(tmp_path, csv_file(tmp_path, "id,text\n" + rows))
    assert lines == []
    assert (report.problem_count, len(report.problems)) == (1_800, 1_000)
    assert [(problem.line, problem.code) for problem in report.problems[:4]] == [
        (3, "empty_id"),
        (4, "duplicate_custom_id"),
        (6, "empty_id"),
        (7, "duplicate_custom_id"),
    ]
    assert "Row 4 gives the custom_id 'comment-0', as row 2 does" in report.problems[1].message


@pytest.mark.parametrize(
    "value",
    [
        'quote " and \\ and \x00 and \x1f',
        "{id} {{id}} {text} }} {",
        "\u2028\u2029\ufeff\x7f",
        "\U0001f600 日本",
        "x" * 1_000_000,
        "",
        "=cmd()",
    ],
)
def test_values_go_in_as_they_are(tmp_path: Path, value: str) -> None:
    table = tmp_path / "table.csv"
    table.write_text('id,text\n1,"' + value.replace('"', '""') + '"\n', encoding="utf-8", newline="")
    _, lines = build(tmp_path, table)
    assert lines[0]["body"]["messages"][0]["content"] == value


def test_values_of_jsonl_tables_become_text(tmp_path: Path) -> None:
    values = ["\ud800 lone", 12, 1.5, True, None, {"a": [1, "é"]}, ["x"]]
    rows = "".join(json.dumps({"id": place, "text": value}) + "\n" for place, value in enumerate(values))
    _, lines = build(tmp_path, csv_file(tmp_path, rows, "table.jsonl"))
    texts = [line["body"]["messages"][0]["content"] for line in lines]
    assert texts == ["\ud800 lone", "12", "1.5", "true", "", '{"a":[1,"é"]}', '["x"]']
    assert check_file(tmp_path / "out.jsonl", Limits()).is_valid


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("{text}", "T"),
        ("a {text} b {text}", "a T b T"),
        ("{{text}}", "{text}"),
        ("{{{text}}}", "{T}"),
        ('{"label": "{text}"}', '{"label": "T"}'),
        ('Answer {"a": {"b": 1}} for {text}', 'Answer {"a": {"b": 1}} for T'),
        ('{{"a": {{"b": "{text}"}}}}', '{"a": {"b": "T"}}'),
        ("{} { } {3} {1,2} {a:b} \\d{3}", "{} { } {3} {1,2} {a:b} \\d{3}"),
        ("{ text }", "T"),
        ("{odd name, 2}", "O"),
        ("}{", "}{"),
        ("{{", "{"),
        ("{{a}} }}", "{a} }}"),
    ],
)
def test_only_places_of_columns_are_filled(tmp_path: Path, pattern: str, text: str) -> None:
    line = {**LINE, "body": {"model": "m", "messages": [{"role": "user", "content": pattern}]}}
    table = csv_file(tmp_path, 'id,text,"odd name, 2"\n1,T,O\n')
    report, lines = build(tmp_path, table, template_file(tmp_path, line))
    assert report.problems == ()
    assert lines[0]["body"]["messages"][0]["content"] == text


def test_a_place_that_no_column_has_names_it_and_the_columns(tmp_path: Path) -> None:
    line = {**LINE, "body": {"model": "m", "messages": [{"role": "user", "content": "{texts} {text}"}]}}
    report, _ = build(tmp_path, csv_file(tmp_path, "id,text\n1,a\n"), template_file(tmp_path, line))
    assert "'texts'" in report.problems[0].message
    assert "id, text" in report.problems[0].message


def test_braces_of_a_schema_are_left_alone(tmp_path: Path) -> None:
    schema = {
        "type": "object",
        "properties": {"label": {"enum": ["a", "b"], "pattern": "^[a-z]{1,3}$"}},
        "n": 1.50,
    }
    body = {**LINE["body"], "response_format": {"type": "json_schema", "json_schema": {"schema": schema}}}  # type: ignore[dict-item]
    _, lines = build(
        tmp_path, csv_file(tmp_path, "id,text\n1,a\n"), template_file(tmp_path, {**LINE, "body": body})
    )
    assert lines[0]["body"]["response_format"] == body["response_format"]


def test_a_template_may_be_a_body_with_its_custom_id(tmp_path: Path) -> None:
    table = csv_file(tmp_path, "id,text\n1,a\n")
    for line, url in (
        (
            {"custom_id": "{id}", "model": "m", "messages": [{"role": "user", "content": "{text}"}]},
            "/v1/chat/completions",
        ),
        ({"custom_id": "{id}", "model": "text-embedding-3-small", "input": "{text}"}, "/v1/embeddings"),
        ({"custom_id": "{id}", "model": "omni-moderation-latest", "input": "{text}"}, "/v1/moderations"),
        ({"custom_id": "{id}", "model": "m", "input": "{text}"}, "/v1/responses"),
        ({"custom_id": "{id}", "model": "m", "prompt": "{text}"}, "/v1/completions"),
        ({"custom_id": "{id}", "url": "/v1/responses", "model": "m", "input": "{text}"}, "/v1/responses"),
    ):
        _, lines = build(tmp_path, table, template_file(tmp_path, line))
        assert lines[0]["url"] == url
        assert lines[0]["body"] == json.loads(
            json.dumps(
                {key: value for key, value in line.items() if key not in ("custom_id", "url")}
            ).replace("{text}", "a")
        )
        assert check_file(tmp_path / "out.jsonl", Limits()).problems == ()


SHORT = 'model = "m"\ncustom_id = "c-{id}"\n'


@pytest.mark.parametrize(
    ("toml", "url", "body"),
    [
        (
            'system = "Be brief."\nuser = "About {text}"\nmax_tokens = 9\n'
            'temperature = 0.5\nresponse_format = "json"',
            "/v1/chat/completions",
            {
                "model": "m",
                "messages": [
                    {"role": "system", "content": "Be brief."},
                    {"role": "user", "content": "About T"},
                ],
                "max_completion_tokens": 9,
                "temperature": 0.5,
                "response_format": {"type": "json_object"},
            },
        ),
        (
            'endpoint = "/v1/responses"\nsystem = "Be brief."\nuser = "{text}"\n'
            'max_tokens = 9\nresponse_format = "json"',
            "/v1/responses",
            {
                "model": "m",
                "instructions": "Be brief.",
                "input": "T",
                "max_output_tokens": 9,
                "text": {"format": {"type": "json_object"}},
            },
        ),
        (
            'endpoint = "/v1/embeddings"\ninput = "{text}"\n[body]\ndimensions = 8',
            "/v1/embeddings",
            {"model": "m", "input": "T", "dimensions": 8},
        ),
        ('endpoint = "/v1/embeddings"\ntext = "{text}"', "/v1/embeddings", {"model": "m", "input": "T"}),
        ('endpoint = "/v1/moderations"\ninput = "{text}"', "/v1/moderations", {"model": "m", "input": "T"}),
        (
            'endpoint = "/v1/completions"\nprompt = "{text}"\nmax_tokens = 3',
            "/v1/completions",
            {"model": "m", "prompt": "T", "max_tokens": 3},
        ),
    ],
)
def test_the_short_form_becomes_each_endpoints_body(
    tmp_path: Path, toml: str, url: str, body: dict[str, Any]
) -> None:
    template = write(tmp_path / "template.toml", SHORT + toml)
    _, lines = build(tmp_path, csv_file(tmp_path, "id,text\n7,T\n"), template)
    assert lines == [{"custom_id": "c-7", "method": "POST", "url": url, "body": body}]
    assert check_file(tmp_path / "out.jsonl", Limits()).problems == ()


SCHEMA = {
    "type": "object",
    "properties": {"label": {"type": "string", "description": "one of {a, b} or {label}"}},
    "required": ["label"],
    "additionalProperties": False,
}


@pytest.mark.parametrize("endpoint", ["/v1/chat/completions", "/v1/responses"])
@pytest.mark.parametrize("strict", [True, False])
def test_a_schema_is_given_by_path_or_as_a_table(tmp_path: Path, endpoint: str, strict: bool) -> None:
    schema = SCHEMA if strict else {**SCHEMA, "required": []}
    write(tmp_path / "schema.json", json.dumps(schema))
    head = SHORT + f'endpoint = "{endpoint}"\nuser = "{{text}}"\n'
    closed = "required = ['label']" if strict else "required = []"
    as_table = (
        head + f"[response_format]\ntype = 'object'\n{closed}\nadditionalProperties = false\n"
        "properties.label = {type = 'string', description = 'one of {a, b} or {label}'}\n"
    )
    for toml in (head + 'response_format = "schema.json"\n', as_table):
        template = write(tmp_path / "template.toml", toml)
        _, lines = build(tmp_path, csv_file(tmp_path, "id,text\n7,T\n"), template)
        body = lines[0]["body"]
        if endpoint == "/v1/responses":
            asked = body["text"]["format"]
        else:
            assert body["response_format"]["type"] == "json_schema"
            asked = {"type": "json_schema", **body["response_format"]["json_schema"]}
        assert asked == {"type": "json_schema", "name": "answer", "schema": schema, "strict": strict}


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("t.json", "{", "is not JSON"),
        ("t.json", "[1]", "must hold a JSON object"),
        ("t.json", '{"model": "m", "messages": []}', "has no custom_id"),
        ("t.json", '{"custom_id": "{id}", "messages": []}', "names no model"),
        ("t.json", '{"custom_id": "{id}", "method": "GET", "body": {"model": "m"}}', "must be"),
        ("t.json", '{"custom_id": "{id}", "url": 5, "body": {"model": "m"}}', "url must be"),
        ("t.json", '{"custom_id": "{id}", "body": {"model": "m", "stream": true}}', "stream"),
        ("t.json", '{"custom_id": "{id}", "body": {"model": "m", "n": NaN}}', "is not JSON"),
        ("t.toml", "model = ", "is not TOML"),
        ("t.toml", 'model = "m"\nuser = "x"', "custom_id is missing"),
        ("t.toml", 'custom_id = "{id}"\nuser = "x"', "model is missing"),
        ("t.toml", SHORT, "user is missing"),
        ("t.toml", SHORT + 'user = "x"\nmax_token = 5', "max_token is not known"),
        ("t.toml", SHORT + 'user = "x"\nmax_tokens = "5"', "max_tokens must be a number"),
        ("t.toml", SHORT + 'user = "x"\nmax_tokens = 0', "above zero"),
        ("t.toml", SHORT + "user = 5", "user must be a string"),
        ("t.toml", SHORT + 'user = "x"\nresponse_format = "nowhere.json"', "nor a file"),
        (
            "t.toml",
            SHORT + 'endpoint = "/v1/embeddings"\ninput = "x"\nmax_tokens = 5',
            "is not for /v1/embeddings",
        ),
        ("t.toml", SHORT + 'endpoint = "chat"\nuser = "x"', "must be a path"),
        ("t.toml", SHORT + 'user = "x"\nbody = 5', "must be a table"),
        ("t.toml", SHORT + 'user = "x"\n[body]\nstream = true', "stream"),
        ("t.toml", b"\xff\xfe", "is not UTF-8"),
    ],
)
def test_a_wrong_template_says_what_is_wrong(tmp_path: Path, name: str, text: str | bytes, told: str) -> None:
    with pytest.raises(InvalidInput) as error:
        load_template(write(tmp_path / name, text))
    assert told in error.value.sentence
    assert name in error.value.sentence


def test_a_missing_template_or_table_is_a_file_problem(tmp_path: Path) -> None:
    with pytest.raises(FileProblem):
        load_template(tmp_path / "missing.json")
    template = load_template(template_file(tmp_path))
    with pytest.raises(FileProblem):
        build_file(tmp_path / "missing.csv", template, tmp_path / "out.jsonl")


@pytest.mark.parametrize("text", ["", "\n\n", "\ufeff", b"id,caf\xe9\n1,2\n"])
def test_a_table_without_a_header_is_refused(tmp_path: Path, text: str | bytes) -> None:
    with pytest.raises(InvalidInput):
        build(tmp_path, csv_file(tmp_path, text))


def test_a_custom_id_without_a_column_is_refused(tmp_path: Path) -> None:
    template = template_file(tmp_path, {**LINE, "custom_id": "always the same"})
    with pytest.raises(InvalidInput, match="names no column"):
        build(tmp_path, csv_file(tmp_path, "id,text\n1,a\n"), template)


def test_what_is_read_is_never_overwritten(tmp_path: Path) -> None:
    table = csv_file(tmp_path, "id,text\n1,a\n")
    template = template_file(tmp_path)
    link = tmp_path / "link"
    link.symlink_to(table)
    for out in (table, template, link):
        with pytest.raises(InvalidInput, match="not overwritten"):
            build_file(table, load_template(template), out)
    assert table.read_text() == "id,text\n1,a\n"
    with pytest.raises(FileProblem, match="is a folder"):
        build_file(table, load_template(template), tmp_path)
    with pytest.raises(FileProblem, match="no folder"):
        build_file(table, load_template(template), tmp_path / "nowhere" / "out.jsonl")


def test_an_earlier_file_stays_when_the_table_is_wrong(tmp_path: Path) -> None:
    _, lines = build(tmp_path, csv_file(tmp_path, "id,text\n1,a\n"))
    assert len(lines) == 1
    report, lines = build(tmp_path, csv_file(tmp_path, "id,text\n1,a\n1,b\n"))
    assert report.problem_count == 1
    assert len(lines) == 1


def test_stopping_leaves_nothing_behind(tmp_path: Path) -> None:
    table = csv_file(tmp_path, "id,text\n" + "".join(f"{number},{'x' * 100}\n" for number in range(9_000)))
    asked = iter([False, False, True])
    with pytest.raises(Interrupted):
        build_file(
            table,
            load_template(template_file(tmp_path)),
            tmp_path / "out.jsonl",
            should_stop=lambda: next(asked),
        )
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["table.csv", "template.json"]


def test_a_file_over_the_limits_is_built_with_a_note(tmp_path: Path) -> None:
    table = csv_file(tmp_path, "id,text\n1,a\n2,b\n")
    template = load_template(template_file(tmp_path))
    report = build_file(table, template, tmp_path / "out.jsonl", limits=Limits(max_requests=1))
    assert report.requests == 2
    assert "--split" in report.notes[0]


def test_the_preview_shows_the_first_requests_and_problems_up_to_them(tmp_path: Path) -> None:
    table = csv_file(tmp_path, "id,text\n1,a\n,b\n3,c\n4,d\n5,\n,f\n")
    shown = preview(table, load_template(template_file(tmp_path)))
    assert [json.loads(line)["custom_id"] for line in shown.lines] == ["comment-1", "comment-3", "comment-4"]
    assert [problem.line for problem in shown.problems] == [3]
    wrong = preview(csv_file(tmp_path, "id\n1\n"), load_template(template_file(tmp_path)))
    assert (wrong.lines, [problem.code for problem in wrong.problems]) == ((), ["missing_column"])
