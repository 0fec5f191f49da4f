"""What the sub-commands' `--help` ends with: examples, and what else is good to know."""

from __future__ import annotations

from collections.abc import Mapping

EXAMPLES: Mapping[str, str] = {
    "list": """\
examples:
  batchdeck list --filter 'status:failed,expired age:<7d'
  batchdeck list --filter 'meta.team:search failed:>0' --all --json
  batchdeck list --cached                    without asking the service
""",
    "show": """\
examples:
  batchdeck show batch_abc
  batchdeck show batch_abc --json | jq .usage
""",
    "failures": """\
examples:
  batchdeck failures batch_abc
  batchdeck failures batch_abc --json | jq -r .code
""",
    "wait": """\
examples:
  batchdeck wait batch_abc batch_def --timeout 86400

exit codes: 0 all completed and no request failed, 1 one ended otherwise,
4 not in time.
""",
    "check": """\
examples:
  batchdeck check night.jsonl
  batchdeck check part-*.jsonl --json

exit codes: 0 valid, 1 it would be refused.
""",
    "build": """\
examples:
  batchdeck build tickets.csv --template triage.toml -o tickets.jsonl
  batchdeck build tickets.csv --template triage.toml -o tickets.jsonl --preview 2

a template in TOML, {name} standing for the row's value in that column:
  model = "gpt-4o-mini"
  custom_id = "ticket-{id}"
  system = "Answer with one word."
  user = "{text}"
""",
    "create": """\
examples:
  batchdeck create night.jsonl --metadata description='Ticket triage'
  batchdeck create huge.jsonl --split --wait-for-room --wait
  batchdeck create night.jsonl --dry-run     what would be sent
""",
    "cancel": """\
examples:
  batchdeck cancel batch_abc
  batchdeck cancel batch_abc batch_def --dry-run
""",
    "download": """\
examples:
  batchdeck download batch_abc --to results
  batchdeck download batch_abc --what merged --format csv
  batchdeck download batch_abc --what merged --join t.csv --on 'ticket-{id}'
""",
    "retry": """\
examples:
  batchdeck retry batch_abc --dry-run        what would be sent, what left out
  batchdeck retry batch_abc --only server_error --only missing --wait

exit code 1: there is nothing to send again.
""",
    "reconcile": """\
examples:
  batchdeck reconcile                        after a crash or a lost connection
""",
    "doctor": """\
examples:
  batchdeck doctor
  batchdeck doctor --profile work --json

exit code 3: something that is needed does not work.
""",
}
"""By sub-command; at most 80 columns wide."""
