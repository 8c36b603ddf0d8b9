"""Protects `snellen.as_dataset`: the same Dataset from every object that people have, or words that help."""

from __future__ import annotations

import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from needs import needs
from PIL import Image
from sklearn.datasets import load_digits, load_iris
from sklearn.utils import Bunch
from torch.utils.data import ConcatDataset, DataLoader, Subset, TensorDataset

import snellen
from snellen.data.load import read
from snellen.errors import DataError, StudyError, UnknownName

RANDOM = np.random.default_rng(4)
COLOUR = RANDOM.integers(0, 256, (24, 8, 9, 3), dtype=np.uint8)
GREY = RANDOM.integers(0, 256, (24, 8, 8), dtype=np.uint8)
LABELS, NAMES = np.arange(24) % 3, ("cat", "dog", "eel")
WORDS = [NAMES[label] for label in LABELS]
TENSOR = torch.tensor(COLOUR.transpose(0, 3, 1, 2))


class Images(torch.utils.data.Dataset[Any]):
    """A map-style dataset as torchvision's: Pillow's images, or what a transform makes of them."""

    def __init__(self, transform: Any = None, rows: range = range(24), classes: Any = NAMES) -> None:
        self.transform, self.rows, self.classes = transform, rows, list(classes)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, item: int) -> tuple[Any, int]:
        image = Image.fromarray(COLOUR[self.rows[item]])
        return self.transform(image) if self.transform else image, int(LABELS[self.rows[item]])


class Feature(SimpleNamespace):
    """A column type of Hugging Face's `datasets`."""


class HuggingFace:
    """The interface of `datasets.Dataset` that is used."""

    def __init__(self, columns: dict[str, list[Any]], features: dict[str, Any], kind: str | None = None) -> None:
        self.columns, self.features, self.format = columns, features, {"type": kind}
        self.column_names = list(columns)

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def __getitem__(self, name: str) -> list[Any]:
        return ["what a transform makes"] * len(self) if self.format["type"] else self.columns[name]

    def with_format(self, kind: str | None) -> HuggingFace:
        return HuggingFace(self.columns, self.features, kind)


def hugging_face(rows: int = 24, **labels: list[int]) -> HuggingFace:
    columns = {"img": [{"bytes": png(image), "path": None} for image in COLOUR[:rows]]}
    labels = labels or {"label": LABELS[:rows].tolist()}
    features = {"img": Feature(_type="Image")} | {
        name: Feature(_type="ClassLabel", names=list(NAMES)) for name in labels
    }
    return HuggingFace({**columns, **labels}, features)


def png(image: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    (tmp_path / "photos").mkdir()
    paths = [tmp_path / f"photos/{row}.png" for row in range(24)]
    for path, image in zip(paths, COLOUR, strict=True):
        path.write_bytes(png(image))
    return paths


def refused(message: str, data: Any, labels: Any = None, error: type[Exception] = DataError, **options: Any) -> None:
    with pytest.raises(error, match=message):
        snellen.as_dataset(data, labels, **options)


EXPECTED = snellen.from_arrays(COLOUR, LABELS, class_names=NAMES)


@pytest.mark.parametrize(
    "data",
    [
        (list(COLOUR), WORDS),
        (COLOUR, WORDS),
        Images(),
        Subset(Images(), range(24)),
        ConcatDataset([Images(rows=range(10)), Images(rows=range(10, 24))]),
        [(Image.fromarray(image), word) for image, word in zip(COLOUR, WORDS, strict=True)],
        [{"image": png(image), "label": word} for image, word in zip(COLOUR, WORDS, strict=True)],
        hugging_face(),
        {"train": hugging_face()},
        {"image": list(COLOUR), "label": WORDS},
        pl.DataFrame({"img": [png(image) for image in COLOUR], "class": WORDS}),
        Bunch(images=COLOUR, data=COLOUR.reshape(24, -1), target=LABELS, target_names=np.array(NAMES)),
    ],
)
def test_one_data_set_in_many_objects(data: Any) -> None:
    dataset = snellen.as_dataset(data)
    assert dataset.fingerprint == EXPECTED.fingerprint and not dataset.remarks
    assert dataset.ids.tolist() == [f"train:{row}" for row in range(24)]


def test_a_list_of_paths_with_labels(files: list[Path], tmp_path: Path) -> None:
    for paths in (files, [str(path) for path in files], np.array([str(path) for path in files])):
        assert snellen.as_dataset(paths, WORDS).fingerprint == EXPECTED.fingerprint
    names = [f"photos/{path.name}" for path in files]
    dataset = snellen.as_dataset(list(zip(names, WORDS, strict=True)), folder=tmp_path, resize=(4, 6))
    assert dataset.shape == (4, 6, 3) and dataset.ids.tolist() == names
    refused("train: row 3: no such file.*where relative paths begin: folder=", [*files[:3], "gone.png"], WORDS[:4])
    refused("train: row 4: the same image twice.*expected only in train: row 0", [*files[:4], files[0]], WORDS[:5])
    files[2].write_bytes(b"no image")
    refused("train: row 2: .*2.png: not an image", files, WORDS)
    dataset = snellen.as_dataset(files, WORDS, on_bad_image="exclude")
    assert len(dataset) == 23 and len(dataset.excluded) == 1


@needs("pandas")
def test_frames_with_paths_parts_and_groups(files: list[Path], tmp_path: Path) -> None:
    import pandas as pd

    columns = {
        "filename": [path.name for path in files],
        "label": WORDS,
        "split": ["train"] * 12 + ["valid"] * 6 + ["test"] * 6,
        "group": [row // 2 for row in range(24)],
        "camera": ["a", "b"] * 12,
    }
    for frame in (pd.DataFrame(columns), pl.DataFrame(columns)):
        dataset = snellen.as_dataset(frame, folder=tmp_path / "photos")
        assert dataset.official_test is not None and np.flatnonzero(dataset.official_test).tolist() == [*range(18, 24)]
        assert dataset.official_validation is not None and dataset.official_validation.sum() == 6
        assert dataset.groups is not None and dataset.groups.tolist() == [row // 2 * 2 for row in range(24)]
        np.testing.assert_array_equal(dataset.images, COLOUR)
    frame = pd.DataFrame(columns).rename(columns={"label": "answer", "filename": "where"})
    refused(r'no column for the image and the label; found .*keys=\{"image": "...", "label": "..."\}', frame)
    dataset = snellen.as_dataset(frame, folder=tmp_path / "photos", keys={"image": "where", "label": "answer"})
    assert dataset.classes == NAMES
    refused("unknown column 'answers'.*Did you mean 'answer'", frame, keys={"label": "answers"}, error=UnknownName)
    refused("could be the image; found path and filename", pd.DataFrame({"path": "a", **columns}))
    refused("row 1: no label; found 1 of 12", pd.DataFrame(columns | {"label": ["a", None, *["b"] * 22]}))
    refused("row 20: unknown role; found 'eval'", pl.DataFrame(columns | {"split": ["train"] * 20 + ["eval"] * 4}))


@needs("pandas")
def test_frames_of_pixels() -> None:
    digits = load_digits(as_frame=True)
    for data, labels in (
        (digits.data, digits.target),
        (digits.data.assign(label=digits.target), None),
        (digits.data.iloc[:, ::-1], digits.target),
        (digits, None),
    ):
        dataset = snellen.as_dataset(data, labels, pixel_range=(0, 16))
        assert dataset.fingerprint == read("digits").fingerprint
        assert "train: rows of 64 pixels are read as 8x8 images, row by row." in dataset.remarks or data is digits


def test_bunches() -> None:
    dataset = snellen.as_dataset(load_digits())
    assert dataset.fingerprint == read("digits").fingerprint and dataset.pixel_range == (0, 16)
    assert dataset.remarks == ("The value of white is 16, as scikit-learn says of its digits.",)
    refused("rows of numbers that are not known to be images; found shape .150, 4.", load_iris())
    flat = RANDOM.integers(0, 256, (20, 784))
    openml = Bunch(data=flat, target=np.array(["5", "7"] * 10, object), target_names=["class"], frame=None)
    dataset = snellen.as_dataset(openml)
    assert dataset.classes == ("5", "7") and dataset.shape == (28, 28, 1)
    np.testing.assert_array_equal(dataset.images.reshape(20, 784), flat)
    assert dataset.remarks == ("train: rows of 784 pixels are read as 28x28 images, row by row.",)
    assert snellen.as_dataset(flat, openml.target).fingerprint == dataset.fingerprint
    refused("not the shape of images; found shape .20, 64.", flat[:, :64], openml.target)


def test_tensors_are_turned_where_only_one_reading_is_possible() -> None:
    for data in (TensorDataset(TENSOR, torch.tensor(LABELS)), (TENSOR, LABELS), (list(TENSOR), LABELS)):
        dataset = snellen.as_dataset(data)
        np.testing.assert_array_equal(dataset.images, COLOUR)
        assert dataset.remarks == ("train: tensors of shape (3, 8, 9) are read as (C, H, W).",)
    said = snellen.as_dataset(TENSOR / 255, LABELS, channels="first")
    assert said.pixel_range == (0, 1) and not said.remarks
    np.testing.assert_array_equal(snellen.as_dataset(TENSOR.numpy(), LABELS, channels="first").images, COLOUR)
    np.testing.assert_array_equal(snellen.as_dataset(torch.tensor(COLOUR), LABELS, channels="last").images, COLOUR)
    words = r'channels may come first; .*Say where the channels are: channels="first" or channels="last"'
    refused(words, TENSOR.numpy(), LABELS)
    refused(words, TENSOR[..., :3], LABELS)
    refused(r"channels do not come first; found shape \(24, 8, 9, 3\)", COLOUR, LABELS, channels="first")


def test_items_that_change_are_said() -> None:
    def to_tensor(image: Any) -> torch.Tensor:
        return torch.tensor(np.asarray(image)).permute(2, 0, 1) / 255

    def turned(image: Any) -> torch.Tensor:
        return torch.flip(to_tensor(image), [2]) if torch.rand(()) < 0.5 else to_tensor(image)

    assert snellen.as_dataset(Images(to_tensor)).remarks == (
        "train: tensors of shape (3, 8, 9) are read as (C, H, W).",
    )
    torch.manual_seed(0)
    (said,) = [each for each in snellen.as_dataset(Images(turned)).remarks if "item" in each]
    assert "another image when it is read again: its transform draws at random" in said
    normalised = snellen.as_dataset(Images(lambda image: to_tensor(image) * 2 - 1))
    assert normalised.pixel_range == (-1, 1) and any("-1" in each for each in normalised.remarks)
    odd = Images(lambda image: to_tensor(image) * 5 - 2)
    refused("cannot tell which values mean black and white.*pixel_range", odd)
    assert snellen.as_dataset(odd, pixel_range=(-2, 3)).pixel_range == (-2, 3)


def test_parts() -> None:
    halves = {
        "train": Images(rows=range(12)),
        "valid": Images(rows=range(12, 18)),
        "Test": Images(rows=range(18, 24)),
    }
    dataset = snellen.as_dataset(halves)
    assert dataset.official_validation is not None and dataset.official_validation.tolist()[12:18] == [True] * 6
    assert dataset.official_test is not None and dataset.official_test.tolist()[18:] == [True] * 6
    assert dataset.ids[12] == "valid:0" and dataset.ids[18] == "Test:0"
    keras = snellen.as_dataset(((GREY[:16], LABELS[:16]), (GREY[16:], LABELS[16:, None])))
    assert keras.official_test is not None and keras.official_test.sum() == 8
    assert keras.remarks == (
        "The first pair is the training part and the second the test, as keras.datasets gives them.",
    )
    roles = ["train"] * 14 + ["test", "val"] * 5
    dataset = snellen.as_dataset(GREY, LABELS, roles=roles)
    assert dataset.official_test is not None and dataset.ids[dataset.official_test].tolist() == [
        f"train:{row}" for row in range(14, 24, 2)
    ]
    refused("`roles` for data that are in parts already", halves, roles=roles, error=StudyError)
    refused("two parts of one role; found train, val, valid", {"train": Images(), "val": Images(), "valid": Images()})
    refused("no training part; found test", {"test": Images()})


def test_labels() -> None:
    refused(r"row 0: not one label; .*\.argmax\(axis=1\)", GREY, np.eye(3)[LABELS])
    refused("text in some rows and numbers in others", GREY, [0, "a"] * 12)
    refused("row 2: label out of range; found 2; expected 0 to 1", GREY, range(24), class_names=["a", "b"])
    refused("different numbers of images and labels; found 24 images, 23 labels", GREY, LABELS[1:])
    secret = {"train": (GREY, LABELS), "test": (GREY[:5], [-1] * 5)}
    dataset = snellen.as_dataset(secret)
    assert dataset.remarks == ("test: 5 images without labels are left out.",) and dataset.official_test is None
    dataset = snellen.as_dataset(Images(classes=(*NAMES, "fox")))
    assert dataset.remarks == ("1 of 4 classes have no images here and are left out: 'fox'.",)
    assert dataset.fingerprint == EXPECTED.fingerprint
    other = {"train": Images(), "test": Images(classes=("dog", "cat", "eel"))}
    refused("parts with other classes", other)


def test_images_of_pillow_follow_the_rules_of_files() -> None:
    deep = Image.fromarray(np.full((4, 4), 40_000, np.uint16))
    clear = Image.fromarray(np.zeros((4, 4, 4), np.uint8))
    assert snellen.as_dataset([deep, deep], [0, 1]).pixel_range == (0, 65535)
    assert snellen.as_dataset([clear, clear], [0, 1], background="white").images.max() == 255
    refused("row 0: 32 bits a channel", [Image.new("F", (4, 4))] * 2, [0, 1])
    refused("images of different sizes", [Image.new("L", (4, 4)), Image.new("L", (5, 4))], [0, 1])
    refused("images of several forms; found 1 arrays, 1 images", [Image.new("L", (4, 4)), np.ones((4, 4))], [0, 1])
    refused("arrays of different shapes", [np.ones((4, 4)), np.ones((5, 4))], [0, 1])
    refused("`background` is for image files only", GREY, LABELS, background="white")


def test_hugging_face() -> None:
    two = hugging_face(fine=LABELS.tolist(), coarse=[0, 1] * 12)
    refused(r'more than one column could be the label; found fine and coarse.*keys=\{"label": "fine"\}', two)
    assert snellen.as_dataset(two, keys={"label": "fine"}).fingerprint == EXPECTED.fingerprint
    dataset = snellen.as_dataset(hugging_face().with_format("torch"))
    assert dataset.fingerprint == EXPECTED.fingerprint
    assert dataset.remarks == (
        "train: the data set's format or transform (torch) is not applied; its own images are read.",
    )
    refused("a stream; .*without streaming", SimpleNamespace(features={}, column_names=[]))


@needs("datasets")
def test_the_real_library_of_hugging_face() -> None:
    import datasets  # type: ignore[import-not-found,unused-ignore]

    kinds = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=list(NAMES))})
    table = {"image": [Image.fromarray(image) for image in COLOUR], "label": LABELS.tolist()}
    made = datasets.Dataset.from_dict(table, features=kinds)
    for data in (made, datasets.DatasetDict({"train": made}), made.with_format("torch")):
        assert snellen.as_dataset(data).fingerprint == EXPECTED.fingerprint


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (DataLoader(Images()), "found torch.utils.data.dataloader.DataLoader; .*loader.dataset"),
        (GREY, r"found numpy.ndarray; .*Images need labels: snellen.as_dataset\(images, labels\)"),
        (((GREY, LABELS),) * 3, r'Say which is which: \{"train": data\[0\], "validation": data\[1\]'),
        (3, "not data that can be read; found builtins.int"),
    ],
)
def test_other_objects(data: Any, message: str) -> None:
    refused(message, data)


def test_a_study_takes_them(own_user: Path, tmp_path: Path) -> None:
    models, rest = {"linear": {"layers": "linear"}}, {"split": {"test": 6, "validation": 6}, "train": {"epochs": 2}}
    study = snellen.Study("mine", data={"source": Images(), "grey": True, "resize": 6}, models=models, **rest)
    assert study.dataset is not None and study.dataset.shape == (6, 6, 1) and study.dataset.classes == NAMES
    first = study.run(out=tmp_path / "run", progress=False)
    again = snellen.Study("mine", data={"source": Images(), "grey": True, "resize": 6}, models=models, **rest)
    assert again.run(out=tmp_path / "run", progress=False).leaderboard.equals(first.leaderboard)
    assert first.record.data["data"]["fingerprint"] == study.dataset.fingerprint
    assert snellen.Study("mine", data=hugging_face(), models=models, **rest).dataset is not None
    arrays = {"source": (TENSOR.numpy(), LABELS), "channels": "first"}
    assert snellen.Study("mine", data=arrays, models=models, **rest).dataset is not None
    with pytest.raises(StudyError, match="`kind` is for files"):
        snellen.Study("mine", data={"source": Images(), "kind": "folder"}, models=models, **rest)
    with pytest.raises(StudyError, match="options of reading for data that are read; found pixel_range"):
        snellen.Study("mine", data={"source": EXPECTED, "pixel_range": [0, 9]}, models=models, **rest)
    with pytest.raises(StudyError, match="sorce"):
        snellen.Study("mine", data={"sorce": "digits"}, models=models, **rest)
