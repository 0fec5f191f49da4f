"""What a check found, in a few lines."""

from __future__ import annotations

from textual.content import Content

from batchdeck.models.lines import CheckReport
from batchdeck.ui import format as words
from batchdeck.ui import text
from batchdeck.ui.glyphs import Glyphs

_LABEL = 12
_SHOWN_MODELS = 3


def check_summary(report: CheckReport, estimate: float | None, glyphs: Glyphs) -> Content:
    """Verdict, size, endpoint, models, tokens and cost, and how the two were estimated.

    Args:
        report: What the check found.
        estimate: US dollars at the batch price, or None when a model has no price.
        glyphs: Unicode or ASCII.
    """
    lines = [_verdict(report, glyphs)]
    lines.append(_fact("requests", f"{words.count(report.requests)} in {words.size(report.bytes)}"))
    lines.append(_fact("endpoint", report.endpoint or "none, or several"))
    lines.append(_fact("model", _models(report)))
    tokens = f"about {words.count(report.estimated_input_tokens)} in"
    if report.estimated_output_tokens:
        tokens += f", at most {words.count(report.estimated_output_tokens)} out"
    lines.append(_fact("tokens", tokens))
    if report.embedding_inputs:
        lines.append(_fact("inputs", f"{words.count(report.embedding_inputs)} to embed"))
    lines.append(_fact("cost", f"about {words.money(estimate)}" if estimate is not None else "unknown"))
    how = "A token for four bytes of text; the output as large as the requests allow"
    lines.append(
        text.line(f"{how}, at the batch price." if estimate is not None else f"{how}.", "$text-muted")
    )
    return Content("\n").join(lines)


def _verdict(report: CheckReport, glyphs: Glyphs) -> Content:
    done = glyphs.done
    if report.is_valid and report.warning_count:
        return text.line(
            f"{done} Ready, with {words.plural(report.warning_count, 'warning')}: ctrl+s asks and creates.",
            "bold $text-warning",
        )
    if report.is_valid:
        return text.line(f"{done} Ready: ctrl+s asks and creates.", "bold $text-success")
    if report.is_valid_when_split:
        parts = words.plural(len(report.parts), "batch")
        return text.line(
            f"{glyphs.warning} Over the limits of one batch: it takes {parts}: ctrl+s asks and creates.",
            "bold $text-warning",
        )
    problems = words.plural(report.error_count, "error")
    return text.line(f"{glyphs.warning} {problems}: it would be refused.", "bold $text-error")


def _models(report: CheckReport) -> str:
    models = sorted(report.models.items(), key=lambda item: -item[1])
    if not models:
        return "none"
    if len(models) == 1:
        return models[0][0]
    shown = ", ".join(f"{model} ({words.count(number)})" for model, number in models[:_SHOWN_MODELS])
    more = len(models) - _SHOWN_MODELS
    return shown + (f" and {more} more" if more > 0 else "")


def _fact(label: str, value: str) -> Content:
    return Content.assemble((label.ljust(_LABEL), "$text-muted"), text.line(value))
