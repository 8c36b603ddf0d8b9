"""The data sets known by name: one comes with scikit-learn, the others are downloaded from their publishers. Lengths
and SHA-256 of the files are those that TensorFlow Datasets publishes (tensorflow_datasets/url_checksums); the archives'
MD5 on the pages of CIFAR and in torchvision are of the same files. For MedMNIST see medmnist.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

from snellen.data.dataset import Dataset, fingerprint
from snellen.data.download import Remote
from snellen.data.medmnist import MEDICAL_SETS, REFUSED, URL
from snellen.data.readers.arrays import Part, assemble
from snellen.data.readers.reader import Options
from snellen.errors import DataError


def digits(options: Options) -> Dataset:
    """E. Alpaydin, C. Kaynak: Optical Recognition of Handwritten Digits, UCI Machine Learning Repository, 1998."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    part = Part(bunch.images, bunch.target, "digits", "digits labels")
    return assemble([part], options.class_names, options.pixel_range or (0, 16), "digits")


@dataclass(frozen=True)
class Bundled:
    """A data set that comes with scikit-learn. about: one line. rows: their number, without an official test."""

    read: Callable[[Options], Dataset]
    about: str
    rows: int


BUNDLED = {
    "digits": Bundled(digits, "scikit-learn's digits: handwritten, 8x8 pixels with 17 grey levels, no test part", 1_797)
}


@dataclass(frozen=True)
class Published:
    """A published data set. about: a description of one line. kind: its reader. rows: number of rows of training and
    official test. files: the files to download. classes: the names, None if its files contain them. fingerprint: that
    of the data set read without options; None if no copy could be decoded when this was written: then only the files'
    checksums and the numbers of rows are compared. validation: number of rows of its validation part, which are not
    among those of training.
    """

    about: str
    kind: str
    rows: tuple[int, int]
    files: tuple[Remote, ...]
    classes: tuple[str, ...] | None = None
    fingerprint: str | None = None
    pixel_range: tuple[float, float] = (0.0, 255.0)
    validation: int = 0

    @property
    def num_rows(self) -> int:
        """The number of rows of all parts."""
        return sum(self.rows) + self.validation

    @property
    def file(self) -> str | None:
        """The name of its file, if it is a single one."""
        return self.files[0].name if len(self.files) == 1 and not self.files[0].members else None

    def check(self, dataset: Dataset) -> None:
        """Raises DataError unless the content is that of the published data set; `class_names` and `pixel_range` may
        differ."""
        test, validation = (
            0 if mask is None else int(mask.sum()) for mask in (dataset.official_test, dataset.official_validation)
        )
        train, rows = len(dataset) - test - validation, (self.rows[0], self.validation, self.rows[1])
        found, expected = (
            f"{' and '.join(f'{number:,}' for number in numbers if number)} rows"
            for numbers in ((train, validation, test), rows)
        )
        if found == expected and self.fingerprint:
            classes = self.classes or dataset.classes
            content = fingerprint(dataset.images, dataset.labels, classes, dataset.official_test, self.pixel_range)
            found, expected = f"fingerprint {content[:12]}", f"fingerprint {self.fingerprint[:12]}"
        if found != expected:
            hint = "To use these files anyway, give their path instead of the name."
            raise DataError(
                f"these are not the published {dataset.name} data", found=found, expected=expected, hint=hint
            )


IDX_NAMES = tuple(
    f"{part}-{kind}-ubyte.gz" for part, kind in product(("train", "t10k"), ("images-idx3", "labels-idx1"))
)


def _idx_files(mirrors: tuple[str, ...], *published: tuple[int, str]) -> tuple[Remote, ...]:
    """The four files of a data set in MNIST's format; published: length and SHA-256 of each, as IDX_NAMES."""
    return tuple(
        Remote(name, tuple(f"{mirror}{name}" for mirror in mirrors), num_bytes, sha256)
        for name, (num_bytes, sha256) in zip(IDX_NAMES, published, strict=True)
    )


def _members(folder: str, *names: str) -> dict[str, str]:
    return {f"{folder}/{name}": name for name in names}


DIGITS = tuple("0123456789")
TORONTO = ("https://www.cs.toronto.edu/~kriz/", "https://cave.cs.toronto.edu/kriz/")
NIST = ("https://biometrics.nist.gov/cs_links/EMNIST/", "https://www.itl.nist.gov/iaui/vip/cs_links/EMNIST/")
STANFORD = "http://ufldl.stanford.edu/housenumbers/"

PUBLISHED = {
    "mnist": Published(
        "handwritten digits, 28x28 grey (LeCun, Cortes, Burges 1998)",
        "idx",
        (60_000, 10_000),
        _idx_files(
            (
                "https://storage.googleapis.com/cvdf-datasets/mnist/",
                "https://ossci-datasets.s3.amazonaws.com/mnist/",
                "http://yann.lecun.com/exdb/mnist/",
            ),
            (9_912_422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"),
            (28_881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
            (1_648_877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"),
            (4_542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
        ),
        DIGITS,
        "867be04653cd39f836011fcb944c4e532207a64fb5693bc0d018afa81eac10cc",
    ),
    "fashion-mnist": Published(
        "articles of clothing, 28x28 grey (Xiao, Rasul, Vollgraf 2017)",
        "idx",
        (60_000, 10_000),
        _idx_files(
            (
                "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
                "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
            ),
            (26_421_880, "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"),
            (29_515, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"),
            (4_422_102, "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"),
            (5_148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"),
        ),
        ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
        "d229d8705c49da63ca074d7a896512d7170459869e7a2e2c8baa545efefdf25d",
    ),
    "kmnist": Published(
        "cursive Japanese letters, 28x28 grey (Clanuwat et al. 2018)",
        "idx",
        (60_000, 10_000),
        _idx_files(
            (
                "http://codh.rois.ac.jp/kmnist/dataset/kmnist/",
                "https://huggingface.co/datasets/tanganke/kmnist/resolve/main/raw/",
            ),
            (18_165_135, "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4"),
            (29_497, "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17"),
            (3_041_136, "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5"),
            (5_120, "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c"),
        ),
        ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
    ),
    "emnist-letters": Published(
        "handwritten letters, upper and lower case as one, 28x28 grey (Cohen et al. 2017)",
        "emnist",
        (124_800, 20_800),
        (
            Remote(
                "gzip.zip",
                tuple(f"{mirror}gzip.zip" for mirror in NIST),
                561_753_746,
                "fb9bb67e33772a9cc0b895e4ecf36d2cf35be8b709693c3564cea2a019fcda8e",
                _members(
                    "gzip",
                    *(
                        f"emnist-letters-{part}-{kind}-ubyte.gz"
                        for part, kind in product(("train", "test"), ("images-idx3", "labels-idx1"))
                    ),
                ),
            ),
        ),
    ),
    "cifar-10": Published(
        "photographs of things and animals, 32x32 colour (Krizhevsky 2009)",
        "cifar",
        (50_000, 10_000),
        (
            Remote(
                "cifar-10-binary.tar.gz",
                tuple(f"{mirror}cifar-10-binary.tar.gz" for mirror in TORONTO),
                170_052_171,
                "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
                _members(
                    "cifar-10-batches-bin",
                    *(f"data_batch_{number}.bin" for number in range(1, 6)),
                    "test_batch.bin",
                    "batches.meta.txt",
                ),
            ),
        ),
        ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
        "a265ee8286b03d230d076bcdb767af4def945fc008f3fa49124bf2545e3d1c29",
    ),
    "cifar-100": Published(
        "photographs of 100 kinds of things and animals, 32x32 colour (Krizhevsky 2009)",
        "cifar",
        (50_000, 10_000),
        (
            Remote(
                "cifar-100-binary.tar.gz",
                tuple(f"{mirror}cifar-100-binary.tar.gz" for mirror in TORONTO),
                168_513_733,
                "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
                _members("cifar-100-binary", "train.bin", "test.bin", "fine_label_names.txt", "coarse_label_names.txt"),
            ),
        ),
    ),
    "svhn": Published(
        "digits of house numbers on photographs, 32x32 colour, non-commercial use only (Netzer et al. 2011)",
        "mat",
        (73_257, 26_032),
        (
            Remote(
                "train_32x32.mat",
                (f"{STANFORD}train_32x32.mat",),
                182_040_794,
                "435e94d69a87fde4fd4d7f3dd208dfc32cb6ae8af2240d066de1df7508d083b8",
            ),
            Remote(
                "test_32x32.mat",
                (f"{STANFORD}test_32x32.mat",),
                64_275_384,
                "cdce80dfb2a2c4c6160906d0bd7c68ec5a99d7ca4831afa54f09182025b6a75b",
            ),
        ),
        DIGITS,
    ),
}

PUBLISHED |= {
    name: Published(
        f"MedMNIST: {facts.about} (Yang et al. 2023)",
        "arrays",
        (facts.rows[0], facts.rows[2]),
        (Remote(f"{name}.npz", (URL.format(name=name),), None, md5=facts.md5),),
        facts.classes,
        validation=facts.rows[1],
    )
    for name, facts in MEDICAL_SETS.items()
}

NAMES = (*BUNDLED, *PUBLISHED)
UNREADABLE = {**REFUSED, "emnist": "it is six sets, of which Snellen knows emnist-letters"}
ALIASES = {re.sub("[-_]", "", name): name for name in NAMES}


def known_name(name: str) -> str | None:
    """The data set that a name means in Keras, torchvision or MedMNIST: `fashion_mnist`, `CIFAR10`, `BloodMNIST`.

    None for an unknown name. Raises DataError, with the reason, for names of sets that cannot be read.
    """
    plain = re.sub("[-_]", "", name).lower()
    if plain in UNREADABLE:
        raise DataError(
            f"{name} cannot be read by this name: {UNREADABLE[plain]}", expected=f"one of {', '.join(NAMES)}"
        )
    return ALIASES.get(plain)
