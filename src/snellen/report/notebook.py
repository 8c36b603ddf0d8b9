"""What a notebook shows of a study, a run and a chart: small HTML and Altair, in the report's words and colours."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snellen.report.figures.vega_lite import Specification
from snellen.report.page import fragment, stylesheet

if TYPE_CHECKING:
    import altair


def run_summary(
    study: str, chosen: str | None, sentences: Sequence[str], rows: Iterable[Mapping[str, Any]], report: Path
) -> str:
    """A finished run: the first screen, the leaderboard (rows of `Run.leaderboard`), and where the report is."""
    shown = {"study": study, "chosen": chosen, "sentences": sentences, "rows": list(rows), "report": report.as_posix()}
    return fragment("notebook.html.j2", {"kind": "run", "finished": True, **shown})


def unfinished_summary(study: str) -> str:
    """A run that was not finished."""
    shown: dict[str, Any] = {"study": study, "chosen": None, "sentences": [], "rows": []}
    return fragment("notebook.html.j2", {"kind": "run", "finished": False, **shown})


def study_summary(study: str, data: str, models: Mapping[str, Sequence[str]], resolved: str) -> str:
    """A study: the layers of its models, and all of it as YAML."""
    return fragment(
        "notebook.html.j2", {"kind": "study", "study": study, "data": data, "models": models, "resolved": resolved}
    )


def analysis_summary(title: str, sentences: Sequence[str], page: str) -> str:
    """An analysis: what may be said, and its page in a frame of its own."""
    return fragment("notebook.html.j2", {"kind": "analysis", "title": title, "sentences": sentences, "page": page})


def chart(specification: Specification) -> altair.LayerChart:
    """A layered figure of the report as an Altair chart, in the colours of its light page."""
    import altair as alt

    text = re.sub(r"var\(--([\w-]+)\)", lambda found: _light()[found[1]], json.dumps(specification))
    return alt.LayerChart.from_dict(json.loads(text) | {"background": _light()["paper"]})


def _light() -> dict[str, str]:
    """Colours of the style sheet by name; the first are those of the light page."""
    found = re.findall(r"--([\w-]+): (#[0-9a-f]{6});", stylesheet())
    return dict(reversed(found))
