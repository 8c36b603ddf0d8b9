"""The stored files of a job: jobs/<id>/ with job, weights, history, predictions, and the result, written last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Protocol

from pydantic import ConfigDict, Field, TypeAdapter
from torch import Tensor
from typing_extensions import TypedDict

from snellen.errors import IdentityError, SnellenError, located
from snellen.files import hashes
from snellen.files.atomic import write_json
from snellen.files.hashing import digest_file
from snellen.files.inside import inside
from snellen.files.stored import STORED, read_as, read_json
from snellen.models.build import Network
from snellen.models.predictions import Bounds, Predictions, load_predictions, save_predictions
from snellen.models.pretrained import FOLDER, pretrained_values
from snellen.models.weights import load_weights
from snellen.train.job import Job
from snellen.train.snapshot import EpochRecord


@dataclass(frozen=True)
class Result:
    """The outcome of a job; its presence means the job is over.

    status: `stopped` is a trial that a search ended early; it has a history and no weights. kept_epoch: whose weights
    are stored; epochs: how many were trained. logged_*: validation measures at the end of the kept epoch; reloaded_*:
    the same from the stored weights, which must agree to the bit. sha256: of each stored file.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STORED
    status: Literal["done", "failed", "stopped"]
    reason: str | None
    kept_epoch: Annotated[int, Field(ge=0)]
    epochs: Annotated[int, Field(ge=0)]
    seconds: float
    logged_loss: float | None
    logged_accuracy: float | None
    reloaded_loss: float | None
    reloaded_accuracy: float | None
    sha256: dict[str, str]


class OpenedRecord(TypedDict):
    """opened.json. fingerprint: of the test part that stored predictions were compared with; sha256: of these
    predictions."""

    fingerprint: str
    sha256: str


_RESULT, _OPENED, _HISTORY = TypeAdapter(Result), TypeAdapter(OpenedRecord), TypeAdapter(list[EpochRecord])


class HasHashes(Protocol):
    """A result with the hashes of stored files."""

    @property
    def sha256(self) -> dict[str, str]: ...


@dataclass(frozen=True)
class JobFolder:
    """bounds: of the data set whose rows were predicted, where that is known: stored predictions are checked."""

    path: Path
    bounds: Bounds | None = None

    @staticmethod
    def of(run: Path, job: str, bounds: Bounds | None = None) -> JobFolder:
        """The folder of a job in a run. Raises IdentityError for an id that is not the name of a folder."""
        return JobFolder(inside(run, "jobs", job), bounds)

    @property
    def weights(self) -> Path:
        """The kept weights, of lane 0."""
        return self.path / "weights.safetensors"

    @property
    def result_path(self) -> Path:
        """Its presence means that the job is over."""
        return self.path / "result.json"

    @property
    def opened_path(self) -> Path:
        """Its presence means that test predictions of this job were compared with test labels."""
        return self.path / "opened.json"

    @property
    def losses(self) -> Path:
        """Losses of each image after the kept and after the last epoch, where these differ."""
        return self.path / "losses.safetensors"

    @property
    def end(self) -> Path:
        """What a later phase goes on from that says `continue: last`, where there is one: see phase_end.py."""
        return self.path / "end.safetensors"

    @property
    def margins(self) -> Path:
        """The mean margin of each training row over the epochs, where it was recorded."""
        return self.path / "margins.safetensors"

    def predictions_path(self, role: str) -> Path:
        """The file of the predictions for a role."""
        return self.path / "predictions" / f"{role}.safetensors"

    def write_job(self, job: Job) -> None:
        """job.json: the resolved values behind the id."""
        write_json(self.path / "job.json", {"id": job.id, **job.model_dump(mode="json")})

    def read_job(self) -> Job:
        """Raises IdentityError when the values are not those of the id."""
        path = self.path / "job.json"
        with located(str(path)):
            if not path.is_file():
                raise IdentityError("missing", hint=f"Remove {self.path} and run the study again.")
            values = read_json(path)
            try:
                job = Job.model_validate({key: value for key, value in values.items() if key != "id"})
            except (SnellenError, ValueError, AttributeError, RecursionError) as error:
                raise IdentityError(f"not a job ({error})") from None
            if job.id != self.path.name:
                raise IdentityError("the values do not belong to this job", found=job.id, expected=self.path.name)
        return job

    def load_network(
        self, device: str = "cpu", backbones: Path | None = None
    ) -> tuple[Network, dict[str, Tensor], dict[str, Tensor]]:
        """The whole network of the job with its kept weights, those of a frozen backbone included; parameters and state
        by full name, (1, ...). backbones: the folder of their weights, where it is not that of the run."""
        trajectory = self.read_job().trajectory
        parameters, state = load_weights(self.weights, trajectory.trained, device)
        if trajectory.frozen:
            folder = backbones or self.path.parents[1] / FOLDER
            state |= pretrained_values(folder, trajectory.network, device)
        return trajectory.network, parameters, state

    def write_history(self, history: Sequence[EpochRecord]) -> None:
        """history.json: a record per epoch."""
        write_json(self.path / "history.json", list(history))

    def read_history(self) -> list[EpochRecord]:
        """The records; none when there are none yet."""
        path = self.path / "history.json"
        return read_as(_HISTORY, path) if path.exists() else []

    def write_predictions(self, predictions: Predictions) -> None:
        """The predictions, in the file of their role."""
        save_predictions(self.predictions_path(predictions.role), predictions, self.path.name)

    def read_predictions(self, role: str) -> Predictions | None:
        """The stored predictions for a role, or None. Raises IdentityError when they are another job's."""
        path = self.predictions_path(role)
        return load_predictions(path, self.path.name, role, self.bounds) if path.exists() else None

    def labelled(self, role: str) -> Predictions:
        """The stored predictions for a role whose labels are not sealed. Raises IdentityError when there are none."""
        predictions = self.read_predictions(role)
        if predictions is None or predictions.labels is None:
            hint = f"Remove {self.path} and run the study again."
            raise IdentityError("missing, or without labels", where=str(self.predictions_path(role)), hint=hint)
        return predictions

    def write_result(self, result: Result) -> None:
        """result.json: the job is over."""
        write_json(self.result_path, asdict(result))

    def read_result(self) -> Result | None:
        """The result, or None while the job is not over. Raises IdentityError for what is not a result."""
        if not self.result_path.exists():
            return None
        try:
            return read_as(_RESULT, self.result_path)
        except IdentityError as error:
            error.hint = f"Remove {self.result_path} to train this job again."
            raise

    def is_done(self) -> bool:
        """True when the job ended well."""
        result = self.read_result()
        return result is not None and result.status == "done"

    def is_over(self) -> bool:
        """True when the job has a final result; one that was stopped may be continued."""
        result = self.read_result()
        return result is not None and result.status != "stopped"

    def write_opened(self, fingerprint: str) -> None:
        """Records that stored test predictions were compared with the labels of the test part of this fingerprint."""
        sha256 = digest_file(self.predictions_path("test"))
        write_json(self.opened_path, OpenedRecord(fingerprint=fingerprint, sha256=sha256))

    def was_opened(self, fingerprint: str) -> bool:
        """True when that was recorded, and the predictions are still the same."""
        opened, predictions = self._opened, self.predictions_path("test")
        if opened is None or not predictions.exists():
            return False
        return opened == {"fingerprint": fingerprint, "sha256": digest_file(predictions)}

    def digests_of(self, result: HasHashes) -> dict[str, str]:
        """SHA-256 of each stored file of the job, by relative name; also of opened test predictions."""
        opened = {"predictions/test.safetensors": self._opened["sha256"]} if self._opened else {}
        return {**result.sha256, **opened}

    def changed_files(self, result: HasHashes) -> list[str]:
        """Names of stored files whose content has changed since; also of opened test predictions."""
        return list(hashes.changes(self.path, self.digests_of(result)))

    @property
    def _opened(self) -> OpenedRecord | None:
        return read_as(_OPENED, self.opened_path) if self.opened_path.exists() else None

    def has_weights(self, result: HasHashes) -> bool:
        """Whether the weights are there and as they were stored."""
        return self.weights.exists() and digest_file(self.weights) == result.sha256.get(self.weights.name)

    def digests(self, *paths: Path) -> dict[str, str]:
        """SHA-256 of files of this folder, by relative name."""
        return {path.relative_to(self.path).as_posix(): digest_file(path) for path in paths}
