"""What all tests share."""

import os

# Needs TensorFlow, in another interpreter than jdend's: `make test-tfds`.
collect_ignore = [] if "JDEND_TFDS_PYTHON" in os.environ else ["tfds"]
