"""What an inspection says: in a terminal, in a notebook, as JSON, as a page of its own."""

from __future__ import annotations

import html
import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from bnviz.errors import Phrase
from bnviz.i18n import N_, Language, translator
from bnviz.inspect.finding import SEVERITIES, Finding
from bnviz.plot.theme import DARK, LIGHT, Palette

SITE: Final = "http://localhost:8501"  # where `bnviz` serves the labs by default
MAX_LAYERS: Final = 6  # that one finding names
CAUSE, CURE, SEE, LAB, CASE = N_("Cause"), N_("Cure"), N_("See"), N_("See it in the lab"), N_("The case")
FORMAT: Final = 1  # of the JSON


@dataclass(frozen=True)
class Report:
    """Findings, errors first, and what was looked at."""

    findings: tuple[Finding, ...]
    """Worst first; among equals, causes before symptoms."""
    layers: tuple[str, ...]
    """Normalization layers that were looked at, by name."""
    looked: Phrase
    """What was looked at, as a sentence."""
    site: str = SITE
    """Where the labs are served: what the findings' links are put behind."""
    untried: bool = False
    """Whether the evaluation itself, its loss with other statistics, was not looked at."""
    pictures: Callable[[Language], str] | None = field(default=None, compare=False, repr=False)
    """HTML of what was seen, where a training was watched."""

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that are errors."""
        return tuple(finding for finding in self.findings if finding.severity == "error")

    def summary(self, language: Language = "en") -> str:
        """One sentence: how many findings, or that there is none."""
        counts = [sum(finding.severity == severity for finding in self.findings) for severity in SEVERITIES]
        if not any(counts):
            order = N_("{looked} Everything is in order.")
            untried = N_(
                "{looked} Everything is in order; whether the loss in eval mode gains by other statistics was not "
                "tried (loss=, recalibrate=)."
            )
            return Phrase(untried if self.untried else order, {"looked": self.looked}).text(language)
        phrase = Phrase(
            N_("{looked} Errors: {errors}, warnings: {warnings}, notes: {notes}."),
            {"looked": self.looked, "errors": counts[0], "warnings": counts[1], "notes": counts[2]},
        )
        return phrase.text(language)

    def text(self, language: Language = "en") -> str:
        """The report for a terminal."""
        _ = translator(language)
        parts = [self.summary(language)]
        for finding in self.findings:
            code = "".join(f"    {line}\n" for line in finding.code.splitlines())
            parts.append(
                f"\n[{_(SEVERITIES[finding.severity])}] {finding.rule}: {named_layers(finding.layers, _)}\n"
                f"  {finding.evidence(language)}\n"
                f"  {_(CAUSE)}: {finding.cause.text(language)}\n"
                f"  {_(CURE)}: {finding.cure.text(language)}\n{code}"
                f"  {_(SEE)}: {self.address(finding)}" + (f"  {self.case_address(finding)}" if finding.case else "")
            )
        return "\n".join(parts)

    def __str__(self) -> str:
        return self.text()

    def address(self, finding: Finding) -> str:
        """The lab at this finding's numbers."""
        return self.site + finding.link

    def case_address(self, finding: Finding) -> str:
        """The card that tells of the same trouble; empty where there is none."""
        return f"{self.site}/cases?q={finding.case}" if finding.case else ""

    def to_json(self) -> str:
        """The report as JSON text; texts are English. A number that JSON cannot hold is null."""
        return json.dumps(
            {
                "format": FORMAT,
                "summary": self.summary(),
                "layers": list(self.layers),
                "findings": [
                    {
                        "rule": finding.rule,
                        "severity": finding.severity,
                        "layers": list(finding.layers),
                        "quantity": finding.quantity.text(),
                        "measured": _finite(finding.measured),
                        "relation": finding.relation,
                        "expected": _finite(finding.expected),
                        "cause": finding.cause.text(),
                        "cure": finding.cure.text(),
                        "code": finding.code,
                        "link": finding.link,
                        "case": finding.case,
                        "steps": finding.steps,
                    }
                    for finding in self.findings
                ],
            },
            ensure_ascii=False,
            indent=2,
            allow_nan=False,
        )

    def _repr_html_(self) -> str:
        return self.fragment()

    def fragment(self, language: Language = "en") -> str:
        """The report as a piece of HTML with its own style."""
        _ = translator(language)
        parts = [f'<style>{_style()}</style><div class="bnviz-report"><h2>{html.escape(self.summary(language))}</h2>']
        for place, finding in enumerate(self.findings, start=1):
            links = f'<a href="{html.escape(self.address(finding))}">{html.escape(_(LAB))}</a>'
            if finding.case:
                links += f' · <a href="{html.escape(self.case_address(finding))}">{html.escape(_(CASE))}</a>'
            code = f'<pre tabindex="0">{html.escape(finding.code)}</pre>' if finding.code else ""
            parts.append(
                f'<section class="{finding.severity}">'
                f"<h3>{place} · {html.escape(_(SEVERITIES[finding.severity]))}: {html.escape(finding.rule)}</h3>"
                f"<p>{html.escape(named_layers(finding.layers, _))}</p><p>{html.escape(finding.evidence(language))}</p>"
                f"<p>{html.escape(finding.cause.text(language))}</p><p>{html.escape(finding.cure.text(language))}</p>"
                f"{code}<p>{links}</p></section>"
            )
        if self.pictures is not None:
            parts.append(self.pictures(language))
        return "".join(parts) + "</div>"

    def to_html(self, language: Language = "en") -> str:
        """The report as a page of its own, without anything from elsewhere."""
        title = html.escape(translator(language)(N_("Is batch norm healthy in my model?")))
        return (
            f'<!doctype html><html lang="{language}"><head><meta charset="utf-8"><title>{title}</title>'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<style>{_page_style()}</style></head><body>{self.fragment(language)}</body></html>"
        )


def _page_style() -> str:
    """Of the page around the fragment: no frame of another colour."""
    dark = f"@media (prefers-color-scheme:dark){{body{{background:{DARK['paper']}}}}}"
    return f"body{{margin:0;background:{LIGHT['paper']}}}{dark}"


def _style() -> str:
    """Of the fragment: the house's colours, light or dark as the reader's system is."""
    return f"""
.bnviz-report{{font:15px/1.45 system-ui,sans-serif;max-width:46rem;padding:1rem}}
.bnviz-report h2{{font-size:1.15rem;margin:0 0 .5rem}}.bnviz-report h3{{font-size:1rem;margin:0 0 .3rem}}
.bnviz-report section{{border-left:4px solid;padding:.2rem .8rem;margin:1rem 0}}.bnviz-report p{{margin:.3rem 0}}
.bnviz-report pre{{padding:.5rem;overflow-x:auto;white-space:pre}}
{_colors(LIGHT)}
@media (prefers-color-scheme:dark){{{_colors(DARK)}}}
"""


def _colors(palette: Palette) -> str:
    return (
        f".bnviz-report{{color:{palette['ink']};background:{palette['paper']}}}"
        f".bnviz-report pre{{color:{palette['ink']};background:{palette['grid']}}}"
        f".bnviz-report section{{border-color:{palette['context']}}}"
        f".bnviz-report section.error{{border-color:{palette['error']}}}"
        f".bnviz-report section.warning{{border-color:{palette['before']}}}"
        f".bnviz-report a{{color:{palette['after']}}}"
    )


def named_layers(layers: tuple[str, ...], _: Callable[[str], str]) -> str:
    """The first few names, and how many more."""
    if not layers:
        return _(N_("the whole model"))
    told = _(", ").join(layer or "(root)" for layer in layers[:MAX_LAYERS])
    more = len(layers) - MAX_LAYERS
    return told if more <= 0 else _(N_("{names} and {count} more")).format(names=told, count=more)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
