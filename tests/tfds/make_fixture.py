"""Makes tests/data/prepared: the first images of Fashion-MNIST as TFDS itself prepares them.

Run with TensorFlow installed: `python tests/tfds/make_fixture.py`.
"""

import tempfile
from pathlib import Path

import tensorflow_datasets as tfds
from published_archives import write_published_archives

EXAMPLES = 40
FIXTURE = Path(__file__).parents[1] / "data" / "prepared"


def main() -> None:
    with tempfile.TemporaryDirectory() as archives:
        write_published_archives(Path(archives))
        builder = tfds.builder("fashion_mnist", data_dir=FIXTURE, file_format="array_record")
        config = tfds.download.DownloadConfig(
            manual_dir=archives,
            max_examples_per_split=EXAMPLES,
            try_download_gcs=False,
            extract_dir=archives,
        )
        builder.download_and_prepare(download_dir=archives, download_config=config)


if __name__ == "__main__":
    main()
