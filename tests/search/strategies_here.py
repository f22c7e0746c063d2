"""The strategies that the tests go through.

Optuna's Gaussian process needs PyTorch, which the extra `test` leaves out: `gp` is among them where
the extra `gp` is installed, and in any case with JDEND_REQUIRE_GP=1, as in `make test-gp`.
"""

import importlib.util
import os

from jdend.search.samplers.registry import strategies

WITH_GP = "JDEND_REQUIRE_GP" in os.environ or importlib.util.find_spec("torch") is not None
HERE = [name for name in strategies() if WITH_GP or name != "gp"]
