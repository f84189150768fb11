"""The report as one self-contained web page.

The words are in template.html.j2, the pictures in pipeline.py and charts.py.
"""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment

from levada import templates
from levada.report import charts
from levada.report.pipeline import pipeline
from levada.report.schema import LEVELS, RESOURCES, Report
from levada.report.text import (
    LABELS,
    LEVEL_TEXT,
    THIN,
    against,
    deepest,
    duration,
    grouped,
    hls,
    implementation,
    on_path,
    optimality,
    percent,
    printable,
    verdict,
)


def environment() -> Environment:
    """Where the templates are, and what they can say."""
    # Beside this file in a checkout as in a wheel.
    environment = templates.environment(Path(__file__).parent, html=True)
    environment.filters["number"] = lambda value: grouped(value, THIN)
    environment.filters["duration"] = duration
    environment.filters["percent"] = percent
    environment.filters["cells"] = on_path
    return environment


def html(report: Report) -> str:
    """The whole page; the same report gives the same text."""
    report = printable(report)
    return (
        environment()
        .get_template("template.html.j2")
        .render(
            report=report,
            pictures={
                "pipeline": pipeline(report),
                "balance": charts.balance(report),
                "budget": charts.budget(report),
                "time": charts.time(report),
            },
            levels=LEVELS,
            level_text=LEVEL_TEXT,
            against={name: against(report, name) for name in report.levels},
            resources=[(name, LABELS[name]) for name in RESOURCES],
            deepest=deepest(report),
            verdict=verdict(report),
            optimality=optimality(report.partition.gap),
            implementation=implementation(report.implementation) if report.implementation else None,
            hls=hls(report.hls) if report.hls else None,
        )
    )
