"""What one core of this machine can do at most: arithmetic, and reads from caches and memory.

    python experiments/machine_rates.py

Compiles machine_rates.cc with the C++ compiler that the environment variable CXX names (c++ if
unset), runs it and prints its JSON.
"""

import json
import os
import subprocess
import tempfile
from pathlib import Path


def measure() -> dict[str, float] | None:
    """Rates of one core in GFLOP/s and GB/s; None where there is no C++ compiler."""
    source = Path(__file__).with_suffix(".cc")
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "machine_rates"
        command = [os.environ.get("CXX", "c++"), "-O3", "-march=native", str(source)]
        try:
            subprocess.run([*command, "-o", str(program)], check=True)
        except OSError:
            return None
        result = subprocess.run([str(program)], check=True, capture_output=True, text=True)
        return json.loads(result.stdout)


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
