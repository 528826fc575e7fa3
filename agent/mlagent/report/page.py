"""A run on one page: no script, nothing from elsewhere, readable also without its style; equal input, equal bytes."""

from importlib import resources

from mlagent.plot.words import text
from mlagent.report.data import data
from mlagent.report.fairness import fairness
from mlagent.report.headlines import cards
from mlagent.report.html import code, word
from mlagent.report.load import load
from mlagent.report.outcome import Outcome, outcome
from mlagent.report.provenance import provenance
from mlagent.report.quality import quality
from mlagent.report.rollout import rollout
from mlagent.report.run import Run
from mlagent.report.stages import stages
from mlagent.report.training import training
from mlagent.report.verdicts import verdicts

CONTENTS = (
    ("stages", "Stages"),
    ("data", "Data"),
    ("training", "Training"),
    ("quality", "Quality"),
    ("fairness", "Groups and slices"),
    ("load", "Load test"),
    ("rollout", "Rollout"),
    ("verdicts", "Verdicts"),
    ("provenance", "Provenance"),
)


def page(run: Run) -> str:
    """The whole page, in the order of its three readers: who decides, who audits, who builds."""
    ended = outcome(run)
    style = resources.files(__package__).joinpath("page.css").read_text(encoding="utf-8")
    links = "\n".join(f'<li><a href="#{name}">{text(title)}</a></li>' for name, title in CONTENTS)
    makers = (stages, data, training, quality, fairness, load, rollout, verdicts, provenance)
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{text(run.project)}: {ended.word}, run {text(run.run_id)}</title>",
        f"<style>\n{style}</style></head><body>",
        _head(run, ended),
        f'<nav aria-label="Contents"><ul>{links}</ul></nav>',
        "<main>",
        *(make(run) for make in makers),
        "</main>",
        f"<footer><p>Written by mlagent {text(run.mlagent)} from the record of run {text(run.run_id)}.</p></footer>",
        "</body></html>",
    ]
    return "\n".join(parts) + "\n"


def _head(run: Run, ended: Outcome) -> str:
    tree = {None: "", True: ", with uncommitted changes", False: ""}[run.dirty]
    commit = f"{code(run.commit[:12])}{tree}" if run.commit else "without git"
    facts = {
        "Run": code(run.run_id),
        "Build": f"{run.build}, attempt {run.attempt}",
        "Commit": commit,
        "Begun": f"{text(run.begun[:19].replace('T', ' '))} UTC",
    }
    listed = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in facts.items())
    hint = f'<p class="hint">What to do: {text(ended.hint)}.</p>' if ended.hint else ""
    return (
        f'<header class="{ended.word}"><h1>{text(run.project)} {word(ended.word)}</h1>\n'
        f'<p class="outcome">{text(ended.sentence)}</p>{hint}\n<dl>{listed}</dl>\n{cards(run)}</header>'
    )
