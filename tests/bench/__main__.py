"""`python -m tests.bench`: the budgets, both sides measured in one run."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys

from tests.bench.row import Result, Row
from tests.bench.workshop import Workshop


def all_rows() -> list[Row]:
    """Every row, in the order of the budget table."""
    from tests.bench import deck_rows, file_rows, network_rows, store_rows

    return [*deck_rows.ROWS, *store_rows.ROWS, *file_rows.ROWS, *network_rows.ROWS]


def main(argv: list[str] | None = None) -> int:
    """Measure and print; 0 when every measured budget holds, 1 when one does not, 2 for wrong usage."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--list", action="store_true", help="name the rows")
    parser.add_argument("--only", action="append", metavar="ROW", help="measure this row; may be repeated")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    arguments = parser.parse_args(argv)
    rows = all_rows()
    if arguments.list:
        for row in rows:
            print(f"{row.name:20} {row.what}")
        return 0
    unknown = set(arguments.only or ()) - {row.name for row in rows}
    if unknown:
        parser.error(f"no such row: {', '.join(sorted(unknown))}; --list names them")

    def report(words: str) -> None:
        print(f"  ... {words}", file=sys.stderr, flush=True)

    results: list[Result] = []
    failed: list[str] = []
    with Workshop(report) as workshop:
        for row in rows:
            if arguments.only and row.name not in arguments.only:
                continue
            try:
                measured = row.measure(workshop)
            except Exception as error:
                failed.append(row.name)
                words = str(error).strip()
                print(f"{row.name} could not be measured: {type(error).__name__}: {words}", file=sys.stderr)
                continue
            results += measured
            for result in measured:
                print(json.dumps(result.as_json()) if arguments.json else _line(result), flush=True)
    if not arguments.json:
        _close(results, failed)
    return 0 if results and not failed and all(result.holds for result in results) else 1


def _line(result: Result) -> str:
    sides = f"{_number(result.ours)} {result.unit}"
    if result.theirs is not None:
        sides = f"{_number(result.ours)} / {_number(result.theirs)} {result.unit}"
    verdict = "holds" if result.holds else "FAILS"
    limit = f"at most {_number(result.budget)} {result.value_unit}"
    first = f"{verdict}  {result.what:75} {_number(result.value):>8} {result.value_unit:5} {limit:22} {sides}"
    return f"{first}\n       {result.note}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _close(results: list[Result], failed: list[str]) -> None:
    broken = [result for result in results if not result.holds]
    print(f"\n{len(results) - len(broken)} of {len(results)} budgets hold on {platform.platform()}, ", end="")
    print(f"{os.cpu_count()} processors, Python {platform.python_version()}.")
    for result in broken:
        print(f"  falls short: {result.what}: {_number(result.value)} {result.value_unit}, ", end="")
        print(f"budget {_number(result.budget)}")
    for name in failed:
        print(f"  not measured: {name}")


if __name__ == "__main__":
    raise SystemExit(main())
