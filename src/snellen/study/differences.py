"""The keys in which two models of a study differ. With one key they are a matched pair, which shows its effect."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from snellen.study.schema import Model

SEQUENCES = ("features", "layers", "train")
"""Lists whose items are compared one by one; any other list is the value of its key."""
STEPS = ("epochs", "batch_size", "patience", "min_delta", "start_from_epoch", "train")
"""Keys that change the number of training steps: models that differ in them are not compared at equal steps."""
FACTORS = {
    "augment": "the augmentation",
    "learning_rate": "the learning rate",
    "optimizer": "the optimizer",
    "schedule": "the schedule",
    "weight_decay": "the weight decay",
    "label_smoothing": "the label smoothing",
    "class_weights": "the class weights",
    "clip_norm": "the clipping of gradients",
    "clip_parameter_norm": "the clipping of gradients",
    "clip_value": "the clipping of gradients",
    "l1": "the L1 penalty",
    "l2": "the L2 penalty",
    "continue": "going on with the last weights and the optimizer",
}


@dataclass(frozen=True)
class Differing:
    """One key with its two values, None where a model lacks it. path: below the model, as for `--set`."""

    path: str
    a: Any
    b: Any

    @property
    def keeps_steps(self) -> bool:
        """Whether this key leaves the number of steps equal."""
        return "schedule" in self.path.split(".") or self.path.rpartition(".")[2] not in STEPS

    @property
    def factor(self) -> str:
        """In words: "the augmentation", "the layer `dropout`", else the key."""
        inserted = self.a if self.a and not self.b else self.b if self.b and not self.a else None
        if self.path in ("layers", "features") and isinstance(inserted, list):
            return f"the {'layer' if self.path == 'layers' else 'step'} `{next(iter(inserted[0]))}`"
        return FACTORS.get(self.path.rpartition(".")[2], f"`{self.path}`")


def differences(a: Model, b: Model) -> list[Differing]:
    """The keys in which the resolved values of two models differ; `search` is ignored."""
    one, other = (model.model_dump(mode="json", exclude={"search"}) for model in (a, b))
    return list(_differences(one, other, ()))


def _differences(a: Any, b: Any, path: tuple[str, ...]) -> Iterator[Differing]:
    if a == b:
        return
    if isinstance(a, Mapping) and isinstance(b, Mapping) and a.keys() == b.keys():
        for key in a:
            yield from _differences(a[key], b[key], (*path, key))
    elif isinstance(a, list) and isinstance(b, list) and path[-1] in SEQUENCES:
        yield from _of_lists(a, b, path)
    else:
        yield Differing(".".join(path), a, b)


def _of_lists(a: list[Any], b: list[Any], path: tuple[str, ...]) -> Iterator[Differing]:
    """One key where one list is the other with one item inserted; else item by item."""
    extra = _inserted_item(a, b) if len(a) > len(b) else _inserted_item(b, a)
    if extra:
        yield Differing(".".join(path), *((extra, []) if len(a) > len(b) else ([], extra)))
        return
    for index, (one, other) in enumerate(zip_longest(a, b)):
        yield from _differences(one, other, (*path, str(index)))


def _inserted_item(longer: list[Any], shorter: list[Any]) -> list[Any]:
    """As a list, the one item without which `longer` is `shorter`; empty where there is none."""
    places = range(len(longer)) if len(longer) == len(shorter) + 1 else ()
    return next((longer[place : place + 1] for place in places if longer[:place] + longer[place + 1 :] == shorter), [])
