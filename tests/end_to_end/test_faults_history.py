"""Two processes on one history: no error, no lost row."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from batchdeck.sandbox.state import Sandbox
from tests.end_to_end.fault_cases import call, serving

SECONDS = float(os.environ.get("BATCHDECK_HISTORY_SECONDS", "5"))
"""How long the processes go on; a minute says more."""
WORKER = Path(__file__).with_name("history_worker.py")


def test_two_processes_create_and_sync_on_one_history(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sandbox = Sandbox(speed=20.0, seed=3)
    sandbox.moods.creates_per_hour = 0
    with serving(sandbox) as base:
        workers = [
            subprocess.Popen(
                [sys.executable, str(WORKER), f"{base}/v1", str(tmp_path), name, str(SECONDS)],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for name in ("one", "two")
        ]
        told = []
        for worker in workers:
            out, err = worker.communicate(timeout=SECONDS + 60)
            assert worker.returncode == 0, err
            told.append(json.loads(out))
        stats = call(f"{base}/_sandbox/stats")
    made = [batch_id for worker in told for batch_id in worker["made"]]
    with capsys.disabled():
        print(
            f"\ntwo processes, {SECONDS:.0f} s: {len(made)} batches made,"
            f" {sum(worker['refreshes'] for worker in told)} refreshes"
        )
    assert [worker["errors"] for worker in told] == [[], []]
    assert [worker["warnings"] for worker in told] == [[], []]
    assert all(worker["made"] for worker in told)
    assert len(set(made)) == len(made) == stats["batches"]
    with closing(sqlite3.connect(tmp_path / "data" / "history.sqlite3")) as history:
        assert history.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        stored = {row[0] for row in history.execute("SELECT id FROM batch_details")}
        done = {row[0] for row in history.execute("SELECT batch_id FROM operations WHERE state = 'done'")}
    assert stored == set(made)
    assert done == set(made)
