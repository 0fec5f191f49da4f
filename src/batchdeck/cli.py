"""Arguments, dispatch to the sub-commands, and the exit code."""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import sys
from collections.abc import Sequence

from batchdeck import __version__
from batchdeck.errors import BatchdeckError

EXIT_INTERRUPTED = 130
_IN_THE_JOURNAL = " What was being sent is in the journal: 'batchdeck reconcile' settles it."

FREE_VALUES = frozenset({"--filter", "--metadata", "--only", "--on"})
"""Options whose value is the user's own text, which may begin with a dash."""

EPILOG = """\
examples:
  batchdeck                                    open the deck
  batchdeck --demo                             the same over a made-up account: no key, no network
  batchdeck check night.jsonl                  judge a request file without sending it
  batchdeck create night.jsonl --wait          check, upload, create, wait until it has ended
  batchdeck list --filter 'status:failed,expired age:<7d'
  batchdeck download batch_abc --to results    output and errors, whichever exist
  batchdeck retry batch_abc                    send again what failed, and only that

exit codes: 0 done, 1 done but not all good, 2 wrong usage, 3 refused or out of reach,
4 timed out, 130 interrupted.
The key comes from OPENAI_API_KEY or from the config file's api_key_env or api_key_command, never from a flag.
"""


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message: str) -> None:  # type: ignore[override]
        sys.stderr.write(f"batchdeck: {message}. See '{self.prog} --help'.\n")
        raise SystemExit(2)

    def format_help(self) -> str:
        """The help, with a sub-command's examples, which nothing else has to load."""
        from batchdeck.commands.examples import EXAMPLES

        self.epilog = self.epilog or EXAMPLES.get(self.prog.rpartition(" ")[2])
        return super().format_help()


def _common() -> _Parser:
    """The options of every command, before or after it."""
    common = _Parser(add_help=False, argument_default=argparse.SUPPRESS)
    group = common.add_argument_group("options of every command")
    group.add_argument("--profile", metavar="NAME", help="the account of the config file to use")
    group.add_argument("--base-url", metavar="URL", help="where the service is")
    group.add_argument("--config", metavar="FILE", help="another config file")
    group.add_argument("--data-dir", metavar="DIR", help="another folder for the history and kept inputs")
    group.add_argument("--read-only", action="store_true", help="refuse whatever spends or changes")
    group.add_argument("--demo", action="store_true", help="a made-up account: no key, no network")
    group.add_argument("--log-file", metavar="FILE", help="write the log there")
    group.add_argument("--debug", action="store_true", help="log more, and show tracebacks")
    group.add_argument("--version", action="version", version=f"batchdeck {__version__}")
    return common


def _positive_int(text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value <= 0:
        raise argparse.ArgumentTypeError(f"must be a whole number above 0, not {text!r}")
    return value


def _positive_float(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"must be a number above 0, not {text!r}")
    return value


def _add_reading(add: _Adder) -> None:
    parser = add("list", "batches, newest first", json=True)
    parser.add_argument(
        "--filter", metavar="EXPR", default="", help="as in the deck: 'status:failed age:<7d'"
    )
    many = parser.add_mutually_exclusive_group()
    many.add_argument("--limit", type=_positive_int, metavar="N", help="at most N (default 50)")
    many.add_argument("--all", action="store_true", help="every one")
    parser.add_argument("--cached", action="store_true", help="ask the history alone")

    parser = add("show", "one batch whole", json=True)
    parser.add_argument("id", metavar="ID")

    parser = add("failures", "the failed requests of a batch by failure code", json=True)
    parser.add_argument("id", metavar="ID")

    parser = add("wait", "wait until every batch has ended", json=True)
    parser.add_argument("ids", metavar="ID", nargs="+")
    parser.add_argument("--timeout", type=_positive_float, metavar="SECONDS", help="give up after this long")


def _add_files(add: _Adder) -> None:
    parser = add("check", "judge a request file without sending it", json=True)
    parser.add_argument("files", metavar="FILE", nargs="+")
    parser.add_argument("--endpoint", metavar="E", help="the endpoint every request must be for")

    parser = add("build", "a request file from a CSV, TSV or JSONL table", json=True)
    parser.add_argument("table", metavar="TABLE")
    parser.add_argument(
        "--template", metavar="FILE", required=True, help="JSON with {column} places, or TOML"
    )
    parser.add_argument("-o", "--output", metavar="OUT", required=True)
    parser.add_argument("--force", action="store_true", help="overwrite OUT")
    parser.add_argument(
        "--preview", type=_positive_int, metavar="N", help="print the first N requests, write nothing"
    )


def _add_spending(add: _Adder) -> None:
    parser = add("create", "check, upload, create", json=True)
    parser.add_argument("files", metavar="FILE", nargs="+")
    parser.add_argument("--endpoint", metavar="E", help="default: what the file says")
    parser.add_argument("--window", metavar="W", help="completion window (default: the profile's, 24h)")
    parser.add_argument("--metadata", metavar="K=V", action="append", default=[], help="may be given again")
    parser.add_argument(
        "--output-expires-after", type=_positive_int, metavar="SECONDS", help="3600 to 2592000"
    )
    parser.add_argument("--split", action="store_true", help="several batches if over the limits of one")
    parser.add_argument("--wait", action="store_true", help="until every one has ended")
    parser.add_argument(
        "--wait-for-room", action="store_true", help="queue here while the service has no room"
    )
    parser.add_argument("--dry-run", action="store_true", help="show what would be sent")

    parser = add("cancel", "cancel batches", json=True)
    parser.add_argument("ids", metavar="ID", nargs="+")
    parser.add_argument("--dry-run", action="store_true", help="show what would be sent")

    parser = add("download", "get the files of batches", json=True)
    parser.add_argument("ids", metavar="ID", nargs="+")
    parser.add_argument(
        "--to", metavar="DIR", help="default: the current folder, or download_dir of the config"
    )
    parser.add_argument(
        "--what", metavar="KINDS", help="of output,errors,input,merged (default: output,errors)"
    )
    parser.add_argument(
        "--format", choices=("jsonl", "csv"), default="jsonl", help="of merged (default jsonl)"
    )
    parser.add_argument("--join", metavar="TABLE", help="put the results beside the rows of this table")
    parser.add_argument("--on", metavar="TEMPLATE", help="how a row's custom_id is made: 'comment-{id}'")
    parser.add_argument(
        "--raw", action="store_true", help="leave cells that a spreadsheet would run as they are"
    )
    parser.add_argument("--force", action="store_true", help="overwrite another file of that name")

    parser = add("retry", "a new batch of the requests that failed", json=True)
    parser.add_argument("id", metavar="ID")
    parser.add_argument(
        "--only", metavar="CODE", action="append", default=[], help="this failure code; again for more"
    )
    parser.add_argument("--all", action="store_true", help="those too that are likely to fail again")
    parser.add_argument("--dry-run", action="store_true", help="show what would be sent")
    parser.add_argument("--wait", action="store_true", help="until it has ended")

    add("reconcile", "finish or settle operations that were cut off", json=True)


def _add_program(add: _Adder) -> None:
    add("profiles", "the configured accounts", json=True)
    add("paths", "where files are", json=True)
    add("keys", "the key table", json=True)
    add("doctor", "what works here: terminal, key, service", json=True)


class _Adder:
    """Adds sub-commands that share the common options."""

    def __init__(self, commands: argparse._SubParsersAction[_Parser], common: _Parser) -> None:
        self._commands = commands
        self._common = common

    def __call__(self, name: str, text: str, *, json: bool = False) -> argparse.ArgumentParser:
        parser = self._commands.add_parser(
            name,
            help=text,
            description=text[0].upper() + text[1:] + ".",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            parents=[self._common],
        )
        if json:
            parser.add_argument("--json", action="store_true", help="one JSON object a line")
        return parser


def build_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    common = _common()
    parser = _Parser(
        prog="batchdeck",
        description="A terminal manager for OpenAI Batch API jobs. Without a command it opens the deck.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[common],
    )
    deck = parser.add_argument_group("options of the deck")
    deck.add_argument(
        "--refresh", type=_positive_float, metavar="SECONDS", help="between refreshes while active"
    )
    deck.add_argument("--theme", metavar="NAME", help="light, dark, ansi or one of Textual's")
    deck.add_argument(
        "--ascii", action="store_true", default=None, help="no characters beyond ASCII of our own"
    )
    deck.add_argument("--no-mouse", action="store_true", help="leave the mouse to the terminal")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)
    add = _Adder(commands, common)
    _add_reading(add)
    _add_files(add)
    _add_spending(add)
    _add_program(add)
    _add_sandbox(commands)
    return parser


def _add_sandbox(commands: argparse._SubParsersAction[_Parser]) -> None:
    from batchdeck.sandbox.command import add_arguments

    text = "serve the local Batch API on 127.0.0.1"
    parser = commands.add_parser(
        "sandbox",
        help=text,
        description=text[0].upper() + text[1:] + ".",
        parents=[_common()],  # its own: the sandbox takes --demo for something else
        conflict_handler="resolve",
    )
    add_arguments(parser)


def bind_values(argv: Sequence[str]) -> list[str]:
    """The arguments with values that begin with a dash tied to their options: `--filter=-status:failed`.

    argparse would take such a value for an option of its own.
    """
    bound: list[str] = []
    for text in argv:
        is_value = len(text) > 2 and text[0] == "-" and text[1] != "-"
        if is_value and bound and bound[-1] in FREE_VALUES:
            bound[-1] += f"={text}"
        else:
            bound.append(text)
    return bound


def main(argv: Sequence[str] | None = None) -> int:
    """Run batchdeck.

    Returns:
        The exit code: 0 done, 1 not all good, 2 wrong usage, 3 refused or out of reach, 4 timed out,
        130 interrupted.
    """
    args = build_parser().parse_args(bind_values(sys.argv[1:] if argv is None else argv))
    debug = getattr(args, "debug", False)
    try:
        code = _run(args)
        sys.stdout.flush()
        return code
    except BatchdeckError as error:
        if debug:
            raise
        _complain(error.line)
        return error.exit_code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (KeyboardInterrupt, asyncio.CancelledError):
        sends = args.command in {"create", "retry", "cancel", "reconcile"}
        _complain(f"Interrupted.{_IN_THE_JOURNAL if sends else ''}")
        return EXIT_INTERRUPTED
    except Exception as error:
        if debug:
            raise
        _complain(
            f"Internal error ({type(error).__name__}: {error}). Run again with --debug for the traceback."
        )
        return 1


def _run(args: argparse.Namespace) -> int:
    if args.command is None:
        from batchdeck.bootstrap import run_deck

        return run_deck(args)
    gc.enable()
    if args.command == "sandbox":
        from batchdeck.sandbox.command import run as run_sandbox

        return run_sandbox(args)
    from batchdeck.commands import run_command

    return run_command(args)


def _complain(sentence: str) -> None:
    from batchdeck.models.text import clean_line

    sys.stderr.write(f"batchdeck: {clean_line(sentence)}\n")
