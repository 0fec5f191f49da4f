"""The command line of the sandbox."""

from __future__ import annotations

import argparse
import json
import sys
import time

from batchdeck.sandbox.guide import RULES


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give a parser the sandbox's options; its help ends with the rules."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = RULES
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument(
        "--port", type=int, default=8080, help="port to listen on, 0 for a free one (default: 8080)"
    )
    parser.add_argument(
        "--speed", type=_positive, default=1.0, help="how many times faster batches go (default: 1)"
    )
    parser.add_argument("--seed-batches", type=int, default=0, metavar="N", help="begin with N ended batches")
    parser.add_argument("--demo", action="store_true", help="begin with the demo's batches")
    parser.add_argument("--key", help="the one key to accept (default: any but wrong-key)")
    parser.add_argument("--seed", type=int, help="number that decides the ids (default: another each time)")
    parser.add_argument(
        "--mood",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a habit of another service, such as iso_times=true; may be repeated; a wrong name lists all",
    )
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object with url and port when ready"
    )


def _positive(text: str) -> float:
    number = float(text)
    if not number > 0:
        raise argparse.ArgumentTypeError("takes a number above 0")
    return number


def run(args: argparse.Namespace) -> int:
    """Serve as the options say until told to stop; the exit code."""
    from batchdeck.sandbox.demo import seed_demo, seed_many
    from batchdeck.sandbox.moods import BadMood, Moods
    from batchdeck.sandbox.serve import CannotListen, ServerMissing, serve
    from batchdeck.sandbox.state import Sandbox

    moods = Moods()
    try:
        for told in args.mood:
            moods.change_by_words(told)
    except BadMood as problem:
        return _complain(str(problem), 2)
    seed = args.seed if args.seed is not None else time.time_ns()
    sandbox = Sandbox(speed=args.speed, seed=seed, api_key=args.key, moods=moods)
    if args.demo:
        seed_demo(sandbox)
    if args.seed_batches > 0:
        seed_many(sandbox, args.seed_batches)

    def ready(port: int) -> None:
        host = f"[{args.host}]" if ":" in args.host else args.host
        url = f"http://{host}:{port}/v1"
        if args.json:
            sys.stdout.write(json.dumps({"url": url, "port": port}) + "\n")
            sys.stdout.flush()
        key = args.key if args.key is None else "the key you gave"
        sys.stderr.write(
            f"sandbox on {url}  -  point any OpenAI client at it with OPENAI_BASE_URL={url} "
            f"OPENAI_API_KEY={'any' if key is None else '...'}; ctrl+c ends it\n"
        )
        sys.stderr.flush()

    try:
        serve(args.host, args.port, sandbox, ready)
    except (ServerMissing, CannotListen) as problem:
        return _complain(str(problem), 3)
    return 0


def _complain(words: str, code: int) -> int:
    sys.stderr.write(f"sandbox: {words}\n")
    return code


def main(argv: list[str] | None = None) -> int:
    """`python -m batchdeck.sandbox`."""
    parser = argparse.ArgumentParser(
        prog="python -m batchdeck.sandbox",
        description="Serve a local Batch and Files API that answers by rule, for trying out a pipeline.",
    )
    add_arguments(parser)
    return run(parser.parse_args(argv))
