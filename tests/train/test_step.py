"""Protects what a training step minimises: clipping, smoothing, class weights and mixed labels, against torch's own
losses and clipping, and Keras's formulas written out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as functional
from training_cases import job

from snellen.train.augment.mixing import Mixed
from snellen.train.backend.choose import workspace
from snellen.train.layout import Layout
from snellen.train.loss import row_losses, row_targets
from snellen.train.step import Rule, StepInputs, TrainState, clipped, training_step, with_norm_of_at_most

LANES, ROWS, CLASSES = 2, 40, 5
RANDOM = torch.Generator().manual_seed(2)
LOGITS = 3 * torch.randn((LANES, ROWS, CLASSES), generator=RANDOM, dtype=torch.float64)
LABELS = torch.randint(0, CLASSES, (LANES, ROWS), generator=RANDOM)
OTHERS = torch.randint(0, CLASSES, (LANES, ROWS), generator=RANDOM)
WEIGHTS = ((1.0, 2.0, 0.5, 0.0, 3.0), (0.2, 1.0, 1.0, 4.0, 1.5))
CHANGES: dict[str, Any] = {"layers": ["flatten"], "input_shape": (4, 3, 1), "classes": CLASSES, "optimizer": "sgd"}


def rule(*lanes: dict[str, Any]) -> Rule:
    trajectories = [job(**CHANGES, **lane).trajectory for lane in lanes]
    return Rule.of(trajectories, Layout.of(trajectories[0].network.init((0,))[0]), "cpu")


def losses(own: Rule, mixed: Mixed | None = None) -> torch.Tensor:
    """(LANES, ROWS) of the logits above, as the rule wants them."""
    return row_losses(LOGITS, row_targets(own.targets, LABELS, mixed))


def one_hot(labels: torch.Tensor) -> np.ndarray:
    return np.asarray(np.eye(CLASSES)[labels.numpy()])


def cross_entropy(targets: np.ndarray, logits: torch.Tensor) -> np.ndarray:
    """-sum of target log softmax, as Keras's categorical_crossentropy(from_logits=True)."""
    values = logits.numpy()
    found: np.ndarray = -(targets * (values - np.log(np.exp(values).sum(-1, keepdims=True)))).sum(-1)
    return found


def test_nothing_asked_for_is_the_plain_loss() -> None:
    plain = rule({}, {})
    assert (plain.weight_decay, plain.clip_norm) == (None, None)
    expected = functional.cross_entropy(LOGITS.flatten(0, 1), LABELS.flatten(), reduction="none").view(LANES, ROWS)
    torch.testing.assert_close(losses(plain), expected, rtol=0, atol=0)


def test_label_smoothing_of_each_lane() -> None:
    """torch's, and Keras's: the one-hot target times (1 - e) plus e / K."""
    amounts = (0.1, 0.35)
    found = losses(rule(*({"label_smoothing": amount} for amount in amounts)))
    for lane, amount in enumerate(amounts):
        theirs = functional.cross_entropy(LOGITS[lane], LABELS[lane], reduction="none", label_smoothing=amount)
        torch.testing.assert_close(found[lane], theirs, rtol=1e-6, atol=1e-6)
        smooth = one_hot(LABELS[lane]) * (1 - amount) + amount / CLASSES
        np.testing.assert_allclose(found[lane], cross_entropy(smooth, LOGITS[lane]), rtol=1e-6)


def test_class_weights_multiply_the_loss_of_each_row() -> None:
    found = losses(rule(*({"class_weights": each} for each in WEIGHTS)))
    for lane, weights in enumerate(WEIGHTS):
        theirs = functional.cross_entropy(
            LOGITS[lane], LABELS[lane], torch.tensor(weights, dtype=torch.float64), reduction="none"
        )
        torch.testing.assert_close(found[lane], theirs, rtol=1e-6, atol=1e-9)


def test_class_weights_multiply_the_smoothed_loss_too() -> None:
    """Keras: a weight is of the row, whatever the other classes of its smoothed target."""
    found = losses(rule({"class_weights": WEIGHTS[0], "label_smoothing": 0.2}, {}))
    smooth = one_hot(LABELS[0]) * 0.8 + 0.2 / CLASSES
    expected = cross_entropy(smooth, LOGITS[0]) * np.array(WEIGHTS[0])[LABELS[0].numpy()]
    np.testing.assert_allclose(found[0], expected, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(found[1], cross_entropy(one_hot(LABELS[1]), LOGITS[1]), rtol=1e-9)


def test_the_loss_of_a_mixed_image_is_that_of_its_soft_target() -> None:
    share = torch.rand((LANES, ROWS), generator=RANDOM, dtype=torch.float64)
    found = losses(rule({}, {}), Mixed(OTHERS, share))
    soft = share.numpy()[..., None] * one_hot(LABELS) + (1 - share.numpy()[..., None]) * one_hot(OTHERS)
    np.testing.assert_allclose(found, cross_entropy(soft, LOGITS), rtol=1e-9)
    probabilities = functional.cross_entropy(LOGITS.flatten(0, 1), torch.tensor(soft).flatten(0, 1), reduction="none")
    torch.testing.assert_close(found.flatten(), probabilities)


def test_clipping_is_that_of_torch_in_each_lane() -> None:
    gradient = torch.randn((3, 50), generator=RANDOM, dtype=torch.float64) * torch.tensor([[0.01], [1.0], [30.0]])
    limits = torch.tensor([[1.0], [2.0], [4.0]], dtype=torch.float64)
    found = with_norm_of_at_most(gradient, limits)
    for lane in range(3):
        theirs = torch.nn.Parameter(torch.zeros(50, dtype=torch.float64))
        theirs.grad = gradient[lane].clone()
        torch.nn.utils.clip_grad_norm_([theirs], float(limits[lane]))
        torch.testing.assert_close(found[lane], theirs.grad, rtol=1e-5, atol=0)
    torch.testing.assert_close(found[0], gradient[0], rtol=0, atol=0)
    assert found.norm(dim=1)[1:].tolist() == pytest.approx([2.0, 4.0])


def test_a_lane_without_a_limit_is_not_clipped() -> None:
    gradient = 1e6 * torch.randn((2, 50), generator=RANDOM)
    found = clipped(rule({"clip_norm": 1.5}, {}), gradient)
    torch.testing.assert_close(found[1], gradient[1], rtol=0, atol=0)
    assert float(found[0].norm()) == pytest.approx(1.5)


def test_clipping_of_each_parameter_and_of_each_number() -> None:
    """Keras's `clipnorm` and `clipvalue`; of two parameters, 60 numbers and 5."""
    gradient = torch.randn((2, 65), generator=RANDOM, dtype=torch.float64)
    gradient[0, :60] *= 20
    found = clipped(rule({"clip_parameter_norm": 6}, {}), gradient)
    assert float(found[0, :60].norm()) == pytest.approx(6) and float(gradient[0].norm()) > 100
    torch.testing.assert_close(found[0, :60] / found[0, 0], gradient[0, :60] / gradient[0, 0])
    torch.testing.assert_close(found[0, 60:], gradient[0, 60:], rtol=0, atol=0)
    torch.testing.assert_close(found[1], gradient[1], rtol=0, atol=0)
    found = clipped(rule({"clip_value": 0.5}, {}), gradient)
    np.testing.assert_array_equal(found[0], np.clip(gradient[0].numpy(), -0.5, 0.5))
    torch.testing.assert_close(found[1], gradient[1], rtol=0, atol=0)


def stepped(
    own: Rule, mixed: Mixed | None = None, weights: torch.Tensor | None = None, rows: int = ROWS
) -> tuple[torch.Tensor, Any]:
    """How far one step of gradient descent at rate 1 on the first rows moves each lane, and its outcome."""
    parameters, state = own.network.init((0, 1))
    theta = own.layout.flatten(parameters).double()
    before, rate = theta.clone(), torch.ones(2, 1, dtype=torch.float64)
    x = torch.rand((LANES, ROWS, 4, 3, 1), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    inputs = StepInputs(x[:, :rows], LABELS[:, :rows], 1, rate, None, weights, mixed)
    outcome = training_step(own, TrainState(theta, state, {}), inputs, workspace(own, theta))
    return theta - before, outcome


def test_a_step_descends_what_the_rule_says() -> None:
    """Against autograd of the losses written out with torch."""
    lanes: list[dict[str, Any]] = [
        {"label_smoothing": 0.3, "class_weights": weights, "clip_norm": limit}
        for weights, limit in zip(WEIGHTS, (0.05, 1e5))
    ]
    share = torch.rand((LANES, ROWS), generator=RANDOM, dtype=torch.float64)
    own = rule(*lanes)
    moves, outcome = stepped(own, Mixed(OTHERS, share))
    x = torch.rand((LANES, ROWS, 4, 3, 1), generator=torch.Generator().manual_seed(1), dtype=torch.float64).flatten(2)
    parameters, _ = own.network.init((0, 1))
    for lane, weights in enumerate(WEIGHTS):
        theirs = torch.nn.Linear(12, CLASSES, dtype=torch.float64)
        theirs.weight.data = parameters["dense_1.kernel"][lane].T.double()
        theirs.bias.data = parameters["dense_1.bias"][lane].double()
        logits, row_weights = theirs(x[lane]), torch.tensor(weights, dtype=torch.float64)
        parts = [
            part * row_weights[labels] * functional.cross_entropy(logits, labels, reduction="none", label_smoothing=0.3)
            for part, labels in ((share[lane], LABELS[lane]), (1 - share[lane], OTHERS[lane]))
        ]
        theirs_losses = torch.stack(parts).sum(0)
        theirs_losses.mean().backward()
        torch.nn.utils.clip_grad_norm_(theirs.parameters(), lanes[lane]["clip_norm"])
        assert theirs.weight.grad is not None and theirs.bias.grad is not None
        expected = -torch.cat([theirs.weight.grad.T.flatten(), theirs.bias.grad])
        names = [name for name, _ in own.layout.shapes]
        assert names == ["dense_1.kernel", "dense_1.bias"]
        torch.testing.assert_close(moves[lane], expected, rtol=1e-4, atol=1e-8)
        torch.testing.assert_close(outcome.losses[lane], theirs_losses.detach(), rtol=1e-6, atol=1e-8)


SHORTCUT = {"conv": {"filters": 4, "kernel": 1, "l2": 0.7}}
PENALISED: list[Any] = [
    {"conv": {"filters": 4, "kernel": 2, "activation": "relu", "l2": 0.05}},
    {"skip": {"layers": [{"conv": {"filters": 4, "kernel": 1, "l1": 0.02}}], "shortcut": [SHORTCUT]}},
    "flatten",
    {"dense": {"units": 6, "activation": "tanh", "l1": 0.01, "l2": 0.3}},
]
FACTORS = {
    "conv_1.kernel": (0.0, 0.05),
    "skip_1.conv_1.kernel": (0.02, 0.0),
    "skip_1.shortcut.conv_1.kernel": (0.0, 0.7),
    "dense_1.kernel": (0.01, 0.3),
}


def test_penalties_move_the_kernels_and_are_in_no_loss() -> None:
    """Against autograd of l1 sum |w| + l2 sum w^2, in the lane that has them; biases and the output layer have none."""
    bare = [_without_penalties(layer) for layer in PENALISED]
    changes = {**CHANGES, "clip_norm": 1e5}
    trajectories = [job(**{**changes, "layers": layers}).trajectory for layers in (PENALISED, bare)]
    layout = Layout.of(trajectories[0].network.init((0,))[0])
    own, plain = (Rule.of(pair, layout, "cpu") for pair in (trajectories, trajectories[1:] * 2))
    (moves, outcome), (plain_moves, plain_outcome) = stepped(own), stepped(plain)
    theta = layout.flatten(own.network.init((0, 1))[0]).double().requires_grad_()
    views = layout.views(theta)
    penalty = sum(l1 * views[name].abs().sum() + l2 * views[name].square().sum() for name, (l1, l2) in FACTORS.items())
    (expected,) = torch.autograd.grad(torch.as_tensor(penalty), theta)
    torch.testing.assert_close((plain_moves - moves)[0], expected[0], rtol=1e-5, atol=1e-8)
    torch.testing.assert_close(moves[1], plain_moves[1], rtol=0, atol=0)
    assert torch.equal(outcome.losses, plain_outcome.losses)
    assert plain.penalties is None and int((expected[0] != 0).sum()) > 100


def _without_penalties(layer: Any) -> Any:
    if isinstance(layer, list):
        return [_without_penalties(each) for each in layer]
    if not isinstance(layer, dict):
        return layer
    return {name: _without_penalties(value) for name, value in layer.items() if name not in ("l1", "l2")}


def test_of_a_mixed_image_the_larger_share_is_right() -> None:
    plain = rule({}, {})
    _, first = stepped(plain)
    _, second = stepped(plain, Mixed(OTHERS, torch.zeros(LANES, ROWS, dtype=torch.float64)))
    _, mostly_first = stepped(plain, Mixed(OTHERS, torch.full((LANES, ROWS), 0.6, dtype=torch.float64)))
    _, mostly_second = stepped(plain, Mixed(OTHERS, torch.full((LANES, ROWS), 0.4, dtype=torch.float64)))
    assert torch.equal(mostly_first.right, first.right) and torch.equal(mostly_second.right, second.right)
    assert not torch.equal(first.right, second.right)


def test_rows_that_fill_up_have_no_loss_and_move_nothing() -> None:
    """With every option at once: the step is that of the first rows alone."""
    own = rule({"label_smoothing": 0.1, "class_weights": WEIGHTS[0]}, {"clip_norm": 0.1})
    share = torch.full((LANES, ROWS), 0.3, dtype=torch.float64)
    filled, outcome = stepped(own, Mixed(OTHERS, share), (torch.arange(ROWS) < 25).double().repeat(2, 1))
    alone, own_outcome = stepped(own, Mixed(OTHERS[:, :25], share[:, :25]), rows=25)
    torch.testing.assert_close(filled, alone)
    torch.testing.assert_close(outcome.losses[:, :25], own_outcome.losses)
    assert torch.equal(outcome.right[:, :25], own_outcome.right)
    assert not outcome.losses[:, 25:].any() and not outcome.right[:, 25:].any()
