"""`python -m jdend.search`."""

import sys

from jdend.search.cli import main

if __name__ == "__main__":
    sys.exit(main())
