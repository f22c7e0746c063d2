"""Results that no network was trained for."""

from jdend.study import SearchResult


def result(accuracy=0.8, *, curve=None, stopped=None, failed=None, params=1000, **drawn):
    """A result whose two seeds end 0.01 above and below its accuracy."""
    curve = [accuracy] if curve is None else curve
    rows = [[value + shift for value in curve] for shift in (0.01, -0.01)]
    return SearchResult(
        params=drawn,
        test_accuracy=accuracy - 0.02,
        train_accuracy=accuracy + 0.02,
        total_params=params,
        train_time=2.0,
        final_test_loss=0.5,
        validation_accuracy=accuracy,
        validation_accuracy_std=0.014,
        test_accuracy_std=0.01,
        seeds=(0, 1),
        failed=failed,
        stopped_epoch=stopped,
        history={"validation_accuracy": list(curve), "train_loss": [0.5] * len(curve)},
        seed_history={"validation_accuracy": rows},
    )
