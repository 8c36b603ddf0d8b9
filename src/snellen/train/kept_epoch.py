"""Early stopping: which epoch is the best so far, and whether training is over."""

from __future__ import annotations

from dataclasses import dataclass, replace

from snellen.train.job import StopRule


@dataclass(frozen=True)
class EarlyStopping:
    """The state of a stop rule. epoch: the last one. best_epoch: 0 before the first epoch; best_value: the measure on
    validation at that epoch."""

    best_epoch: int = 0
    best_value: float = 0.0
    epoch: int = 0

    def after(self, rule: StopRule, validation_loss: float | None, validation_accuracy: float | None) -> EarlyStopping:
        """The state after one more epoch, which is kept when it is better than all before; without validation rows the
        last epoch is kept."""
        if validation_loss is None or validation_accuracy is None:
            return EarlyStopping(self.epoch + 1, 0.0, self.epoch + 1)
        value = validation_loss if rule.measure == "loss" else validation_accuracy
        epoch = self.epoch + 1
        better = value < self.best_value if rule.measure == "loss" else value > self.best_value
        if self.best_epoch == 0 or better:
            return EarlyStopping(epoch, value, epoch)
        return replace(self, epoch=epoch)

    def improved(self) -> bool:
        """Whether the last epoch is the one to keep."""
        return self.epoch == self.best_epoch

    def done(self, rule: StopRule) -> bool:
        """Whether no further epoch is needed."""
        waited = self.epoch - self.best_epoch
        return self.epoch >= rule.epochs or (rule.patience is not None and self.epoch > 0 and waited >= rule.patience)
