"""A journal that lost a line in its middle."""

import pytest

from jdend import HyperparameterSearcher
from jdend.study import StudyError, open_study


def without_line(journal, part):
    """Without the first line that has the part."""
    lines = journal.splitlines(keepends=True)
    del lines[next(i for i, line in enumerate(lines) if part in line)]
    return b"".join(lines)


def without_name(journal, name):
    return journal.replace(name, b'"x"')


@pytest.mark.usefixtures("instant_training", "no_download")
@pytest.mark.parametrize(
    ("damage", "lost", "said"),
    [
        (without_line, b'"jdend:generation:0:', "it lacks trials of generation 0"),
        (without_name, b'"train_accuracy"', "trial 0 lacks values"),
    ],
)
def test_what_is_missing_is_told_in_a_line(tmp_path, damage, lost, said):
    searcher = HyperparameterSearcher(max_params=900, verbose=False, out=tmp_path)
    space = {"architecture": "mlp", "hidden_dim": [1]}
    assert searcher.random_search(space, 1)
    journal = tmp_path / "study.journal"
    journal.write_bytes(damage(journal.read_bytes(), lost))
    with pytest.raises(StudyError, match=said):
        open_study(tmp_path).generations()
