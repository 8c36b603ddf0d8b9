"""The code of every finding, with the severities that it may have."""

from __future__ import annotations

from typing import Literal

Severity = Literal["result", "notice", "warning", "error"]
"""result: a conclusion. notice: worth knowing. warning: something should be changed. error: numbers cannot be
believed."""

RESULT: tuple[Severity, ...] = ("result",)
NOTICE: tuple[Severity, ...] = ("notice",)
WARNING: tuple[Severity, ...] = ("warning",)
EITHER: tuple[Severity, ...] = ("warning", "notice")
ERROR: tuple[Severity, ...] = ("error",)

FINDING_CODES: dict[str, tuple[Severity, ...]] = {
    **{f"SNL{number:03}": RESULT for number in range(1, 20)},
    "SNL101": WARNING,
    "SNL102": NOTICE,
    "SNL103": NOTICE,
    "SNL104": NOTICE,
    "SNL105": WARNING,
    "SNL106": NOTICE,
    "SNL107": WARNING,
    "SNL108": NOTICE,
    "SNL109": EITHER,
    "SNL110": EITHER,
    "SNL111": NOTICE,
    "SNL112": WARNING,
    "SNL113": NOTICE,
    "SNL114": WARNING,
    "SNL115": NOTICE,
    "SNL116": EITHER,
    "SNL117": NOTICE,
    "SNL118": NOTICE,
    "SNL119": WARNING,
    "SNL120": NOTICE,
    "SNL121": RESULT,
    "SNL122": NOTICE,
    "SNL123": NOTICE,
    "SNL124": NOTICE,
    "SNL125": WARNING,
    "SNL126": ("error", "warning"),
    "SNL127": WARNING,
    "SNL128": EITHER,
    "SNL129": NOTICE,
    "SNL130": WARNING,
    "SNL131": WARNING,
    "SNL140": EITHER,
    "SNL141": RESULT,
    "SNL150": NOTICE,
    "SNL160": NOTICE,
    "SNL161": EITHER,
    "SNL170": RESULT,
    "SNL171": NOTICE,
    "SNL180": RESULT,
    "SNL901": ERROR,
    "SNL902": ERROR,
    "SNL903": ERROR,
    "SNL904": NOTICE,
    "SNL905": NOTICE,
}
"""`snellen.findings.rules` has the rule of each, `findings/pages` a page."""
