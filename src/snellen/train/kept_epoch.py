"""The kept epoch of a job: which one is the best so far, its weights, and whether training is over (early stopping)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from torch import Tensor

from snellen.train.improvement import improves
from snellen.train.job import StopRule


@dataclass(frozen=True)
class EarlyStopping:
    """The state of a stop rule. epoch: the last one. best_epoch: 0 before the first epoch; best_value: the measure on
    validation at that epoch. improved_epoch, improved_value: the same of the last improvement that patience counts
    from, 0 before the first; under a rule without `min_delta` and `start_from_epoch` it is the best epoch."""

    best_epoch: int = 0
    best_value: float = 0.0
    epoch: int = 0
    improved_epoch: int = 0
    improved_value: float = 0.0

    def after(self, rule: StopRule, validation_loss: float | None, validation_accuracy: float | None) -> EarlyStopping:
        """The state after one more epoch, which is kept when it is better than all before; without validation rows the
        last epoch is kept."""
        epoch = self.epoch + 1
        if validation_loss is None or validation_accuracy is None:
            return EarlyStopping(epoch, 0.0, epoch, epoch, 0.0)
        value = validation_loss if rule.measure == "loss" else validation_accuracy
        after = replace(self, epoch=epoch)
        if self.best_epoch == 0 or improves(rule.measure, value, self.best_value):
            after = replace(after, best_epoch=epoch, best_value=value)
        if epoch > rule.start_from_epoch and self._restarts(rule, value):
            after = replace(after, improved_epoch=epoch, improved_value=value)
        return after

    def _restarts(self, rule: StopRule, value: float) -> bool:
        """Whether patience is counted anew from here."""
        return self.improved_epoch == 0 or improves(rule.measure, value, self.improved_value, rule.min_delta)

    def improved(self) -> bool:
        """Whether the last epoch is the one to keep."""
        return self.epoch == self.best_epoch

    def done(self, rule: StopRule) -> bool:
        """Whether no further epoch is needed; patience stops at the epoch of Keras's EarlyStopping."""
        waited = self.epoch - self.improved_epoch if self.improved_epoch else 0
        return self.epoch >= rule.epochs or (rule.patience is not None and waited >= rule.patience)


def kept_epoch(rule: StopRule, validation: Iterable[tuple[float | None, float | None]]) -> int:
    """The epoch that a job keeps after these epochs, from the validation loss and accuracy of each; 0 without any."""
    stopping = EarlyStopping()
    for loss, accuracy in validation:
        if not stopping.done(rule):
            stopping = stopping.after(rule, loss, accuracy)
    return stopping.best_epoch if rule.keep == "best" else stopping.epoch


@dataclass(frozen=True, eq=False)
class Weights:
    """Parameters theta (1, P) and state name -> (1, ...) of one lane after some epoch."""

    theta: Tensor
    state: dict[str, Tensor]


@dataclass(frozen=True, eq=False)
class Kept:
    """What one job keeps: the best epoch, with its parameters theta (1, P) and state name -> (1, ...). last: those of
    the epoch at which the job was done, where that is another one. margins: (n,) of the training rows, summed over the
    epochs; None where they are not recorded. slots: of the optimizer at that epoch, name -> (1, P); None before it, and
    where no phase goes on from them."""

    stopping: EarlyStopping
    theta: Tensor
    state: dict[str, Tensor]
    last: Weights | None = None
    margins: Tensor | None = None
    slots: dict[str, Tensor] | None = None

    @property
    def end(self) -> Weights:
        """The weights of the epoch at which the job was done."""
        return self.last or Weights(self.theta, self.state)

    def after(
        self,
        rule: StopRule,
        validation_loss: float | None,
        validation_accuracy: float | None,
        weights: Callable[[], Weights],
    ) -> Kept:
        """After one more epoch: its weights if it is the best so far; nothing new once the job is done."""
        if self.stopping.done(rule):
            return self
        stopping = self.stopping.after(rule, validation_loss, validation_accuracy)
        if stopping.improved():
            best = weights()
            return Kept(stopping, best.theta, best.state)
        return replace(self, stopping=stopping, last=weights() if stopping.done(rule) else None)
