"""The data sets that can be loaded by name: what they hold and where they are published.

The SHA-256 of a published file is the one that TensorFlow Datasets registers for it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from jdend._messages import nearest
from jdend.data._errors import DataError

_TABLES = (".csv", ".tsv", ".parquet")
# MNIST's own; the reference uses them for every MNIST-like set.
_MNIST_LIKE = ((0.1307,), (0.3081,))
_CIFAR10 = ((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616))


@dataclass(frozen=True)
class PublishedFile:
    """One file of a data set as its publisher offers it; any of `urls` holds the same bytes."""

    name: str
    urls: tuple[str, ...]
    sha256: str


@dataclass(frozen=True)
class Entry:
    """A data set known by name.

    Attributes:
      name, aliases: what it is called here.
      image_shape: `(H, W, C)`.
      n_train, n_test: how many images it has.
      class_names: one name a class.
      about: half a line for `python -m jdend.data list`.
      layout: how its publisher stores it: four IDX files, a zip of them, CIFAR's binary batches,
        or inside scikit-learn.
      tfds: its name in TensorFlow Datasets, with the configuration after a slash; None if none.
      files: what its publisher offers; empty if it is not downloaded.
      prefix: what stands before `train-images-idx3-ubyte` in the names of its IDX files.
      transposed: whether its publisher swaps rows and columns.
      folders: folders in which other tools keep its files, below the one that is searched.
      debian: the Debian package that holds its IDX files and where that installs them.
      channel_statistics: means and standard deviations of the channels, pixels in `[0, 1]`.
      digest: SHA-256 of the decoded arrays, where it has been established.
    """

    name: str
    image_shape: tuple[int, int, int]
    n_train: int
    n_test: int
    class_names: tuple[str, ...]
    about: str
    aliases: tuple[str, ...] = ()
    layout: Literal["idx", "zip", "cifar", "sklearn"] = "idx"
    tfds: str | None = None
    files: tuple[PublishedFile, ...] = ()
    prefix: str = ""
    transposed: bool = False
    folders: tuple[str, ...] = ()
    debian: tuple[str, str] | None = None
    channel_statistics: tuple[tuple[float, ...], tuple[float, ...]] | None = None
    digest: str | None = None

    @property
    def n_classes(self) -> int:
        return len(self.class_names)


def _idx_files(
    bases: tuple[str, ...], sums: tuple[str, str, str, str]
) -> tuple[PublishedFile, ...]:
    names = (
        "train-images-idx3-ubyte.gz",
        "train-labels-idx1-ubyte.gz",
        "t10k-images-idx3-ubyte.gz",
        "t10k-labels-idx1-ubyte.gz",
    )
    return tuple(
        PublishedFile(name, tuple(base + name for base in bases), sha256)
        for name, sha256 in zip(names, sums, strict=True)
    )


_DIGITS = tuple("0123456789")

ENTRIES: tuple[Entry, ...] = (
    Entry(
        name="mnist",
        image_shape=(28, 28, 1),
        n_train=60_000,
        n_test=10_000,
        class_names=_DIGITS,
        about="handwritten digits",
        tfds="mnist",
        files=_idx_files(
            (
                "https://storage.googleapis.com/cvdf-datasets/mnist/",
                "https://ossci-datasets.s3.amazonaws.com/mnist/",
            ),
            (
                "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
                "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
                "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
                "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
            ),
        ),
        folders=("MNIST/raw",),
        channel_statistics=_MNIST_LIKE,
    ),
    Entry(
        name="fashion-mnist",
        aliases=("fashion_mnist", "fashionmnist", "fmnist"),
        image_shape=(28, 28, 1),
        n_train=60_000,
        n_test=10_000,
        class_names=(
            *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
            *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
        ),
        about="articles of clothing",
        tfds="fashion_mnist",
        files=_idx_files(
            (
                "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
                # A storage website without TLS; the checksums make that safe.
                "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
            ),
            (
                "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
                "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
                "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
                "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
            ),
        ),
        folders=("FashionMNIST/raw",),
        debian=("dataset-fashion-mnist", "/usr/share/datasets/fashion-mnist"),
        channel_statistics=_MNIST_LIKE,
        digest="5f06bd0df99ad3dc904134efe2e620e96a51dc83af7575151eb993b975560d7a",
    ),
    Entry(
        name="kmnist",
        aliases=("kuzushiji-mnist",),
        image_shape=(28, 28, 1),
        n_train=60_000,
        n_test=10_000,
        class_names=("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
        about="cursive Japanese characters",
        tfds="kmnist",
        files=_idx_files(
            (
                "https://codh.rois.ac.jp/kmnist/dataset/kmnist/",
                "http://codh.rois.ac.jp/kmnist/dataset/kmnist/",
            ),
            (
                "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4",
                "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17",
                "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5",
                "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c",
            ),
        ),
        folders=("KMNIST/raw",),
        channel_statistics=_MNIST_LIKE,
    ),
    Entry(
        name="emnist",
        aliases=("emnist-balanced", "emnist/balanced"),
        image_shape=(28, 28, 1),
        n_train=112_800,
        n_test=18_800,
        # Eleven small letters look unlike their capitals; the others share a class with them.
        class_names=tuple("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabdefghnqrt"),
        about="handwritten digits and letters, balanced",
        layout="zip",
        tfds="emnist/balanced",
        files=(
            PublishedFile(
                "gzip.zip",
                ("https://biometrics.nist.gov/cs_links/EMNIST/gzip.zip",),
                "fb9bb67e33772a9cc0b895e4ecf36d2cf35be8b709693c3564cea2a019fcda8e",
            ),
        ),
        prefix="emnist-balanced-",
        transposed=True,
        folders=("EMNIST/raw", "gzip"),
        channel_statistics=_MNIST_LIKE,
    ),
    Entry(
        name="cifar10",
        aliases=("cifar-10",),
        image_shape=(32, 32, 3),
        n_train=50_000,
        n_test=10_000,
        class_names=(
            *("airplane", "automobile", "bird", "cat", "deer"),
            *("dog", "frog", "horse", "ship", "truck"),
        ),
        about="colour photographs",
        layout="cifar",
        tfds="cifar10",
        files=(
            PublishedFile(
                "cifar-10-binary.tar.gz",
                ("https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",),
                "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
            ),
        ),
        channel_statistics=_CIFAR10,
    ),
    Entry(
        name="digits",
        image_shape=(8, 8, 1),
        n_train=1_797,
        n_test=0,
        class_names=_DIGITS,
        about="small handwritten digits, from scikit-learn, no download",
        layout="sklearn",
        digest="cec9fa18562f6d413a923bd2e268c3f65b21ef34529bc57292749c7a167948f8",
    ),
)


def names() -> tuple[str, ...]:
    """The names that `load` knows, aliases left out."""
    return tuple(entry.name for entry in ENTRIES)


def is_file_name(name: str | Path) -> bool:
    """Whether the name is that of the user's own file, by its suffix, and not of a data set."""
    return Path(name).suffix.lower() in (".npz", *_TABLES)


def is_table_name(name: str | Path) -> bool:
    """Whether the name is that of a table, by its suffix."""
    return Path(name).suffix.lower() in _TABLES


def find(name: str) -> Entry:
    """The entry with this name or alias; case does not matter.

    Raises:
      DataError: if there is none; the message suggests the nearest name.
    """
    for entry in ENTRIES:
        if name.casefold() in (entry.name, *entry.aliases):
            return entry
    words = [word for entry in ENTRIES for word in (entry.name, *entry.aliases)]
    guess = find(nearest(name, words)).name
    raise DataError(
        f"unknown data set {name!r}; did you mean {guess!r}? "
        f"Known are {', '.join(names())}, and paths that end in .npz, .csv, .tsv or .parquet"
    )
