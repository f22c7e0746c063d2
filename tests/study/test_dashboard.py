"""optuna-dashboard shows a study as it is, through the requests that its page makes and in a
browser."""

import io
import json
import threading
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from optuna.distributions import FloatDistribution

from jdend.study import ProposedTrial, SearchResult, Study


@pytest.fixture(params=["journal", "postgres"])
def storage(request, tmp_path):
    """Where a study of one trial is."""
    postgres = request.getfixturevalue("postgres") if request.param == "postgres" else None
    study = Study(tmp_path / "run", storage=postgres)
    ledger = study.ledger(
        {"max_params": 1000, "space": {"lr": [0.1]}},
        distributions={"fill": FloatDistribution(0.8, 1.0)},
    )
    ledger.claim(1)
    ledger.begin(0, [ProposedTrial({"lr": 0.1}, (0,), {"fill": 0.9}, 950, 1000)] * 2)
    result = SearchResult(
        {"lr": 0.1}, 0.4, 0.4, 950, 1.0, float("nan"), validation_accuracy=0.5,
        history={"validation_accuracy": [0.3, 0.5]},
    )  # fmt: skip
    stopped = SearchResult(
        {"lr": 0.1}, float("nan"), 0.4, 950, 1.0, 0.5, validation_accuracy=0.3, stopped_epoch=1
    )
    ledger.finish(0, [result, stopped])
    return postgres or str(tmp_path / "run" / "study.journal")


def get(app, path):
    """The JSON that a request is answered with."""
    said = []
    environ = {
        "REQUEST_METHOD": "GET", "PATH_INFO": path, "QUERY_STRING": "", "SERVER_NAME": "localhost",
        "SERVER_PORT": "80", "wsgi.input": io.BytesIO(), "wsgi.errors": io.StringIO(),
        "wsgi.url_scheme": "http",
    }  # fmt: skip
    body = b"".join(app(environ, lambda status, headers, *_: said.append(status)))
    assert said[0].startswith("200"), body
    return json.loads(body, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


def test_the_study_is_shown_with_its_trials(storage):
    from optuna_dashboard import wsgi

    app = wsgi(storage)
    (summary,) = get(app, "/api/studies")["study_summaries"]
    assert summary["study_name"] == "search"
    detail = get(app, f"/api/studies/{summary['study_id']}")
    trial, stopped = detail["trials"]
    assert (trial["state"], trial["values"]) == ("Complete", [0.5])
    assert stopped["state"] == "Pruned"
    assert [p["name"] for p in trial["params"]] == ["fill"]
    assert [i["value"] for i in trial["intermediate_values"]] == [0.3, 0.5]
    attributes = {a["key"]: json.loads(a["value"]) for a in trial["user_attrs"]}
    assert attributes["params"] == {"lr": 0.1}
    assert attributes["figures"]["final_test_loss"] == "nan"


class Quiet(WSGIRequestHandler):
    def log_message(self, *arguments):
        pass


@pytest.fixture
def dashboard(storage):
    """Its address."""
    from optuna_dashboard import wsgi

    server = make_server("127.0.0.1", 0, wsgi(storage), handler_class=Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize("storage", ["journal"], indirect=True)
def test_a_browser_shows_the_study(dashboard, browser):
    page = browser.new_page()
    failed = []
    page.on("pageerror", lambda error: failed.append(str(error)))
    page.goto(f"{dashboard}/dashboard/")
    page.get_by_text("0. search").wait_for()
    page.goto(f"{dashboard}/dashboard/studies/0")
    page.get_by_text("search (id=0)").first.wait_for()
    page.get_by_text("Hyperparameter Importance").first.wait_for()
    page.goto(f"{dashboard}/dashboard/studies/0/trials")
    page.get_by_text("Complete").first.wait_for()
    page.get_by_text("Pruned").first.wait_for()
    assert failed == []
    page.close()
