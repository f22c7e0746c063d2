"""What is said to someone who mistyped a name."""

import pytest

from jdend._words import did_you_mean, nearest


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
