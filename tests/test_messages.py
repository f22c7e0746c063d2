"""What errors say: in one line, and to someone who mistyped a name."""

import pytest

from jdend._messages import did_you_mean, nearest, one_line, printable, reason


@pytest.mark.parametrize("word", ["tpee", "TPE", "tep"])
def test_the_word_that_was_meant_is_asked_for(word):
    assert did_you_mean(word, ("grid", "tpe")) == "; did you mean 'tpe'? allowed are grid, tpe"


@pytest.mark.parametrize("word", ["xyz", "", 3, None])
def test_where_no_word_is_alike_all_are_named(word):
    assert did_you_mean(word, ("grid", "tpe")) == "; allowed are grid, tpe"


def test_the_allowed_need_not_be_words():
    assert did_you_mean("Tru", (True, False)) == "; did you mean 'True'? allowed are True, False"


@pytest.mark.parametrize(("word", "found"), [("minst", "MNIST"), ("qqq", "MNIST"), ("cf", "cifar")])
def test_the_nearest_word_is_found_however_far(word, found):
    assert nearest(word, ["MNIST", "cifar"]) == found


def test_a_message_is_one_printable_line():
    assert one_line(" a\nb\x1b[31m ") == r"a b\x1b[31m"
    assert printable("über\x07") == r"über\x07"


def test_of_a_long_message_start_and_end_stay():
    said = one_line("what is wrong " + "x" * 1000 + " what to do")
    assert len(said) == 300
    assert said.startswith("what is wrong")
    assert said.endswith("what to do")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (FileNotFoundError(2, "No such file or directory", "a"), "No such file or directory"),
        (ValueError("odd"), "odd"),
        (EOFError(), "EOFError"),
    ],
)
def test_a_reason_is_without_number_and_path(error, said):
    assert reason(error) == said
