"""The types of the facts of the analysis `units`: made here, stored in result.json, read by its page."""

from __future__ import annotations

from typing import TypedDict


class UnitCounts(TypedDict):
    """How many units there are of each kind; one, several, none: selective for so many classes."""

    one: int
    several: int
    none: int
    dead: int
    duplicates: int
    needed: int
    used: int


class UnitsFacts(TypedDict):
    """The facts from which sentences are made; result.json adds `sentences`, `counts` and `in_short`.

    read_at: the layer at whose output the units are read. noun: "unit" or "filter". train_images: of the box plots.
    role, images: on which everything claimed is measured; ablated_images: of these, on which units were silenced.
    maximal: how the most activating images were found. goal, norm: what was maximised, and the limit of their norm.
    most_bits: information that names the class. detectable: of each class, the smallest loss of recall that would be
    found. touching: pairs of classes whose boxes overlap for every unit.
    """

    model: str
    layer: str
    read_at: str
    activation: str
    convolutional: bool
    noun: str
    units: int
    classes: list[str]
    train_images: int
    role: str
    images: int
    ablated_images: int
    maximal: str
    goal: str
    norm: float
    most_bits: float
    selective_area: float
    duplicate: float
    detectable: list[float | None]
    touching: int
