"""What a searcher shows in a notebook."""

import sys

import pytest

from jdend import HyperparameterSearcher
from jdend.study import Results, StudyError

SPACE = {
    "n_neurons": (4, 10),
    "n_dendrites": [2, 4],
    "n_dendrite_inputs": (8, 24),
    "lr": (1e-3, 1e-2),
}
FIGURES = (
    "plot_accuracy",
    "plot_learning_curves",
    "plot_importance",
    "plot_parallel",
    "plot_time",
)


@pytest.fixture
def searcher(small_images, instant_training):
    searcher = HyperparameterSearcher(
        small_images, max_params=1000, n_epochs=3, batch_size=50, seeds=2, verbose=False
    )
    searcher.random_search(SPACE, 10)
    return searcher


def test_it_shows_its_results_best_first(searcher):
    shown = searcher._repr_html_()
    best, last = searcher.get_best_results(10)[0], searcher.get_best_results(10)[-1]
    assert "10 results within 1,000 parameters, best first" in shown
    assert shown.index(f"{best.validation_accuracy:.4f}") < shown.index(
        f"{last.validation_accuracy:.4f}"
    )


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_plotlys(searcher, name):
    figure = getattr(searcher, name)()
    assert figure.to_dict()["data"]


@pytest.mark.parametrize("name", FIGURES)
def test_without_results_there_is_nothing_to_draw(small_images, name):
    searcher = HyperparameterSearcher(small_images, max_params=1000, verbose=False)
    with pytest.raises(StudyError, match="nothing to draw: search first"):
        getattr(searcher, name)()


def test_without_plotly_one_line_says_what_to_install(searcher, monkeypatch):
    monkeypatch.setitem(sys.modules, "plotly.graph_objects", None)
    with pytest.raises(StudyError, match=r"pip install 'jdend\[report\]'"):
        searcher.plot_accuracy()


def test_its_lists_are_tables(searcher):
    for found in (searcher.results, searcher.get_best_results(3), searcher.pareto_front()):
        assert isinstance(found, Results)


def test_a_data_frame_has_a_row_a_result(searcher):
    assert len(searcher.to_dataframe()) == 10


def test_too_few_results_have_no_importances(small_images, instant_training):
    searcher = HyperparameterSearcher(
        small_images, max_params=1000, n_epochs=3, batch_size=50, verbose=False
    )
    searcher.random_search(SPACE, 3)
    with pytest.raises(StudyError, match="at least 8 results that differ, here are 3"):
        searcher.plot_importance()


def test_a_searcher_writes_a_report_of_data_that_only_it_has(searcher, tmp_path):
    text = searcher.report(tmp_path / "r.html").read_text()
    assert "small within 1,000 parameters" in text
    assert "Receptive fields" in text
