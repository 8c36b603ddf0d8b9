"""Protects the signs of layers: every kind has one, kinds that matter differ without colour, sizes follow shapes."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

import pytest

from snellen.models.features import FEATURES
from snellen.models.layers import LAYERS
from snellen.report.figures.layer_glyphs import Glyph, family_of, glyph

IMAGE, VECTOR = (28, 28, 6), (128,)


def elements(drawn: Glyph) -> list[tuple[str, str]]:
    """Tag and points, path or radius of everything in a glyph; colour is left out."""
    root = ElementTree.fromstring(f"<svg>{drawn.svg}</svg>")
    return [(one.tag, str({key: value for key, value in one.attrib.items() if key != "class"})) for one in root.iter()]


@pytest.mark.parametrize("shape", [IMAGE, VECTOR, (1, 1, 1), (1,), (512, 512, 65_536), (65_536,)])
@pytest.mark.parametrize("kind", [*LAYERS, *FEATURES, "input", "a kind of tomorrow"])
def test_every_kind_is_drawn_within_its_own_bounds(kind: str, shape: tuple[int, ...]) -> None:
    drawn = glyph(kind, shape)
    elements(drawn)
    assert 0 < drawn.width < 200 and 0 < drawn.half < 200
    numbers = [float(number) for number in re.findall(r'(?:points|y|cy)="([-\d.]+)', drawn.svg)]
    assert all(abs(number) <= max(drawn.half, drawn.width) + 1 for number in numbers)


def test_layers_with_parameters_and_pools_have_a_form_of_their_own() -> None:
    names = [kind for kind in LAYERS if family_of(kind) == "step" and ("conv" in kind or "dense" in kind)]
    assert names == []
    on_images = [elements(glyph(kind, IMAGE)) for kind in ("input", "conv", "max_pool", "batch_norm", "dropout")]
    on_images += [elements(glyph(kind, IMAGE)) for kind in ("relu", "sigmoid", "zero_pad")]
    on_vectors = [elements(glyph(kind, VECTOR)) for kind in ("input", "dense", "flatten", "batch_norm", "relu")]
    for forms in (on_images, on_vectors):
        assert all(form != other for at, form in enumerate(forms) for other in forms[:at])


@pytest.mark.parametrize(
    ("small", "large"),
    [((4, 4, 8), (8, 8, 8)), ((4, 4, 8), (4, 4, 16)), ((10,), (11,)), ((8, 8, 3), (32, 32, 64))],
)
def test_more_is_drawn_larger(small: tuple[int, ...], large: tuple[int, ...]) -> None:
    a, b = glyph("conv" if len(small) == 3 else "dense", small), glyph("conv" if len(small) == 3 else "dense", large)
    assert a.width * a.half < b.width * b.half


def test_doubling_adds_the_same_each_time() -> None:
    """Logarithms: 8, 16, 32 units are evenly spaced in height."""
    halves = [glyph("dense", (units,)).half for units in (8, 16, 32)]
    assert halves[1] - halves[0] == pytest.approx(halves[2] - halves[1])


def test_the_units_of_a_small_layer_are_counted() -> None:
    assert glyph("dense", (3,)).svg.count('r="2.5"') == 3
    assert glyph("dense", (1024,)).svg.count('r="0.9"') == 3
