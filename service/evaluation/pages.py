"""The two HTML pages of an evaluation: the marking page, on which editors compare outputs blind, and the report.

Each page is a single file. Its content security policy prevents it from loading anything from a network.
"""

import base64
import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from string import Template

from service.evaluation.record import Evaluation, Marks, SystemRecord, Verdict, verdict
from service.evaluation.scores import Score, scores_of

DATA = Path(__file__).parent / "data"
LIKELY_CHANCE = 0.05
MOST_CODES = 5
THOUSAND = 1_000
Cell = tuple[str, str]
"""The texts for the two systems in one row of a table."""


def marking_page(evaluation: Evaluation, source_lang: str, target_lang: str) -> str:
    """Return the page for editors. It does not contain the names of the systems.

    ``source_lang`` and ``target_lang`` are the language codes of the articles and of the outputs.
    """
    pairs = []
    for pair in evaluation.pairs:
        first, second = pair.texts
        left, right = (first, second) if pair.first == "left" else (second, first)
        known = {"id": pair.id, "article": pair.article, "before": pair.before, "source": pair.source}
        pairs.append({**known, "left": left, "right": right})
    languages = {"source": source_lang, "target": target_lang}
    data = {"evaluation": evaluation.id, "task": evaluation.task, "languages": languages, "pairs": pairs}
    script = _read("marking.js")
    return Template(_read("marking.html")).substitute(
        style=_read("style.css"),
        script=script,
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        # A text could contain </script>.
        data=json.dumps(data, ensure_ascii=False).replace("<", "\\u003c"),
    )


def report_page(evaluation: Evaluation, marks: Sequence[Marks]) -> str:
    """Return the report. ``marks`` contains the marks of each editor, and may be empty.

    Raises:
        DepescheError: marks belong to another evaluation or to an unknown pair, or a package for the scores is not
            installed.
    """
    systems = evaluation.systems
    scores = scores_of(evaluation.compared, evaluation.task)
    labels = f'<span class="first">{escape(systems[0].label)}</span> and '
    labels += f'<span class="second">{escape(systems[1].label)}</span>'
    compared, every = len(evaluation.compared), len(evaluation.articles)
    articles = f"{every} articles" if compared == every else f"{compared} of {every} articles, because a system failed"
    sections = [
        ("What editors prefer", _preference(evaluation, verdict(evaluation, marks), len(marks))),
        ("Scores against references", _scores(evaluation, scores)),
        ("Warnings, speed and cost", _table(evaluation, _measured(evaluation))),
        ("Systems", _table(evaluation, _described(systems))),
    ]
    return Template(_read("report.html")).substitute(
        id=escape(evaluation.id),
        style=_read("style.css"),
        title=f"{evaluation.task.capitalize()}: {labels}",
        made=escape(
            f"{articles}. Evaluation {evaluation.id} of {evaluation.made_at}, {evaluation.software}, "
            f"{evaluation.machine}, seed {evaluation.seed}."
        ),
        content="\n".join(f"<h2>{title}</h2>\n{content}" for title, content in sections),
    )


def _read(name: str) -> str:
    return (DATA / name).read_text("utf-8")


def _preference(evaluation: Evaluation, found: Verdict, editors: int) -> str:
    one, other = (escape(system.label) for system in evaluation.systems)
    pairs = (
        f"{len(evaluation.pairs)} pairs of different outputs were shown, and {evaluation.left_out} were not. "
        f"{evaluation.equal} passages have equal outputs."
    )
    if not editors:
        return (
            f"<p>No marks yet. {pairs} Open marking.html, save the marks, and run the command again with --marks.</p>"
        )
    parts = ((found.first, "first"), (found.equal, "equal"), (found.second, "second"))
    bar = "".join(f'<span class="{name}" style="flex: {count}"></span>' for count, name in parts)
    leader = one if found.first > found.second else other
    if found.first == found.second:
        verdict_text = "The editors preferred both systems equally often."
    elif found.chance > LIKELY_CHANCE:
        verdict_text = (
            f"The editors preferred {leader} more often, but the difference may be due to chance "
            f"(sign test, p = {found.chance:.2f})."
        )
    else:
        verdict_text = f"<strong>The editors preferred {leader}</strong> (sign test, p = {found.chance:.2g})."
    return (
        f"<p>{verdict_text}</p>\n"
        f'<div class="bar" role="img" aria-label="{found.first}, {found.equal} equal, {found.second}">{bar}</div>\n'
        f"<p>{one}: {found.first}. Equally good: {found.equal}. {other}: {found.second}. "
        f"Files of marks: {editors}. {pairs}</p>"
    )


def _scores(evaluation: Evaluation, scores: Sequence[Score]) -> str:
    if not scores:
        return "<p>No article has a reference.</p>"
    count = sum(article.reference is not None for article in evaluation.compared)
    rows: list[tuple[str, Cell]] = []
    for score in scores:
        widths = (
            ("", "") if score.intervals is None else (f" ± {score.intervals[0]:.1f}", f" ± {score.intervals[1]:.1f}")
        )
        chance = "" if score.chance is None else f" (p = {score.chance:.3f})"
        values = f"{score.values[0]:.1f}{widths[0]}", f"{score.values[1]:.1f}{widths[1]}"
        rows.append((score.name + chance, values))
    legend = f"{count} of the articles have a reference."
    if any(score.chance is not None for score in scores):
        legend += (
            " ± is half the width of the 95% confidence interval, and p is the probability of such a difference by "
            "chance (paired bootstrap). With few articles, both are unreliable."
        )
    return f"{_table(evaluation, rows)}\n<p>{legend}</p>"


def _measured(evaluation: Evaluation) -> list[tuple[str, Cell]]:
    systems, articles = evaluation.systems, evaluation.articles
    done = [[one.outputs[n] for one in articles if one.outputs[n].failure is None] for n in (0, 1)]
    sentences = [max(1, sum(output.sentences for output in outputs)) for outputs in done]
    flags = [sum((Counter(output.flags) for output in outputs), Counter[str]()) for outputs in done]
    failures = [Counter(one.outputs[n].failure for one in articles if one.outputs[n].failure) for n in (0, 1)]
    chars = sum(len(one.source) for one in articles)
    return [
        (
            "warnings that need a review, per 100 sentences",
            _both(f"{100 * flags[n].total() / sentences[n]:.1f}" for n in (0, 1)),
        ),
        ("most frequent warnings", _both(_listed(flags[n]) for n in (0, 1))),
        ("failed articles", _both(_listed(failures[n]) for n in (0, 1))),
        ("seconds per article, one at a time", _both(f"{one.seconds / len(articles):.2g}" for one in systems)),
        ("source characters per second", _both(f"{chars / max(one.seconds, 1e-9):,.0f}" for one in systems)),
        ("cost", _both(_cost(one, len(articles)) for one in systems)),
    ]


def _cost(system: SystemRecord, articles: int) -> str:
    """Return a text with the cost of a system: the price of the tokens on a server, or the time of this machine.

    If the server did not report token counts, or no prices are set, the text states this.
    """
    per_thousand = THOUSAND / articles
    if system.host == "process":
        return (
            f"{system.seconds * per_thousand / 3600:.2g} hours of this machine, of which "
            f"{system.processor_s * per_thousand / 3600:.2g} processor hours, per {THOUSAND:,} articles"
        )
    if system.prompt_tokens is None or system.output_tokens is None:
        return "unknown: the server did not report token counts"
    tokens = f"{system.prompt_tokens:,} prompt and {system.output_tokens:,} output tokens"
    if system.cost is None:
        return f"{tokens}; for the cost, set the keys input-price and output-price of the system"
    return f"{system.cost * per_thousand:,.2f} per {THOUSAND:,} articles ({tokens}), in the currency of the prices"


def _described(systems: tuple[SystemRecord, SystemRecord]) -> list[tuple[str, Cell]]:
    return [
        ("model", _both(f"{one.model} ({one.model_id} {one.revision})" for one in systems)),
        ("engine, host", _both(f"{one.engine}, {one.host}" for one in systems)),
        ("licence, commercial use", _both(f"{one.licence}, {one.commercial_use}" for one in systems)),
        ("quality in the catalogue", _both(one.quality for one in systems)),
    ]


def _both(texts: Iterable[str]) -> tuple[str, str]:
    first, second = texts
    return first, second


def _listed(counts: Counter[str] | Counter[str | None]) -> str:
    found = ", ".join(f"{code} {count}" for code, count in counts.most_common(MOST_CODES))
    return found or "none"


def _table(evaluation: Evaluation, rows: Iterable[tuple[str, Cell]]) -> str:
    one, other = (escape(system.label) for system in evaluation.systems)
    lines = [
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(cell[0])}</td><td>{escape(cell[1])}</td></tr>'
        for name, cell in rows
    ]
    head = f'<tr><td></td><th scope="col" class="first">{one}</th><th scope="col" class="second">{other}</th></tr>'
    return f"<table>\n<thead>{head}</thead>\n<tbody>\n" + "\n".join(lines) + "\n</tbody>\n</table>"
