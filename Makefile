# make run    set up, get Fashion-MNIST, search for the best network of 8,000 parameters
# make test   set up and run the tests; they must reach the coverage of pyproject.toml
# make test-gp   the tests of the Gaussian process
# make lint   ruff, pyright, and which room may import which
# make fuzz   odd and damaged input of all sorts, for SECONDS=60
# make soak   one process for two hours, or twice SECONDS: what it holds stays flat
# make compat the versions that pyproject.toml allows, oldest and newest, for each Python that is here
# make mutants faults planted in the code, one at a time: which do the tests notice?
# make audit  known vulnerabilities of the packages in requirements.lock
# make docs   the documentation as a site, build/site/index.html
# Needs Python 3.11 or newer (PYTHON=python3.12 picks one) and make; a C++17 compiler makes it fast.

PYTHON ?= python3
VENV ?= .venv
TFDS_VENV ?= .venv-tfds
GP_VENV ?= .venv-gp
MUTANTS_VENV ?= .venv-mutants
BIN := $(VENV)/bin
READY := $(VENV)/.ready
UV := $(VENV)-uv/bin/uv
KERNEL := setup.py $(wildcard jdend/kernels/native/*)

POSTGRES := $(shell command -v postgres || ls /usr/lib/postgresql/*/bin/postgres 2>/dev/null | tail -1)

.PHONY: run test postgres chromium lint fuzz soak compat mutants audit docs format lock test-gp test-tfds sanitize clean

run: $(READY)
	$(BIN)/python -m jdend.data fetch fashion-mnist
	$(BIN)/python -m jdend.search --budget 8000

# A file's tests stay together, since they share what they compile. What fails beside others runs once
# more, by itself: many tests kill processes, or wait for them, on machines that others use too.
JOBS ?= 2
# The share of jdend's lines that they run must be that of pyproject.toml at least. Counting them costs
# next to nothing: sys.monitoring does it from Python 3.12 on, tests/counted_lines.py before.
COVERAGE_CORE = $(shell $(BIN)/python -c 'import sys; print(("ctrace", "sysmon")[sys.version_info >= (3, 12)])')
test: $(READY) postgres chromium
	$(BIN)/python -m jdend.data fetch fashion-mnist
	COVERAGE_CORE=$(COVERAGE_CORE) $(BIN)/python -m pytest -n $(JOBS) --dist loadfile \
	  --no-loadscope-reorder --cov --cov-report= \
	  || $(BIN)/python -m pytest --last-failed --last-failed-no-failures none

# The tests start a PostgreSQL server of their own.
postgres:
	@test -n "$(POSTGRES)" || { apt-get update -qq && apt-get install -y -qq --no-install-recommends \
	  postgresql; } || { echo "the tests need PostgreSQL: install it"; exit 1; }

# They open a report in Chromium.
chromium:
	@command -v chromium >/dev/null || { apt-get update -qq && apt-get install -y -qq \
	  --no-install-recommends chromium; } || { echo "the tests need Chromium: install it"; exit 1; }

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports --no-logo --no-cache

SECONDS ?= 60
SEED ?= 0
AREAS ?=
fuzz: $(READY)
	$(BIN)/python tests/fuzz/fuzzing.py --seconds $(SECONDS) --seed $(SEED) $(AREAS)

# An hour each, unless SECONDS says otherwise.
SOAK_SECONDS = $(if $(filter command line environment,$(origin SECONDS)),$(SECONDS),3600)
soak: $(READY)
	nice -n 10 $(BIN)/python tests/soak.py --seconds $(SOAK_SECONDS) --out experiments/results/soak.json

# Wants no .venv. PYTHONS="python3.12 /opt/python3.13" names interpreters; without it, those on PATH
# and pyenv's.
PYTHONS ?=
compat: $(UV)
	nice -n 10 $(PYTHON) tests/compat.py --uv $(UV) --out experiments/results/compat.json $(PYTHONS)

# A sample of each area's files (AREAS="plasticity study" names some); what was tried is not tried again.
PER_FILE ?= 8
mutants: $(MUTANTS_VENV)/.ready
	nice -n 10 $(MUTANTS_VENV)/bin/python tests/mutants.py --out experiments/results/mutants.json \
	  --per-file $(PER_FILE) --seed $(SEED) $(AREAS)

AUDIT_VENV ?= .venv-audit
audit: $(READY)
	test -x $(AUDIT_VENV)/bin/python || $(PYTHON) -m venv $(AUDIT_VENV)
	$(AUDIT_VENV)/bin/pip install --quiet --disable-pip-version-check pip-audit
	$(AUDIT_VENV)/bin/pip-audit --strict --require-hashes --disable-pip -r requirements.lock

docs: $(READY)
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet
	@echo build/site/index.html

format: $(READY)
	$(BIN)/python docs/tools/address.py
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The lock file pins every package with its hashes, for every Python and platform.
$(READY): requirements.lock pyproject.toml $(KERNEL)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and \
	  f"jdend needs Python 3.11 or newer; {sys.executable} is {sys.version.split()[0]}: make PYTHON=...")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $(READY)

# Optuna's Gaussian process needs PyTorch, which is large: a venv that adds it to the packages of the
# first. On Linux, PyTorch's own index has a build of 200 MB for CPUs; pip's default has CUDA with it.
test-gp: $(GP_VENV)/.beside
	$(GP_VENV)/bin/python -m pip install --quiet --disable-pip-version-check torch==2.13.0
	JDEND_REQUIRE_GP=1 $(GP_VENV)/bin/python -m pytest tests/search -k "gp and not gpu"

$(MUTANTS_VENV)/.ready: $(MUTANTS_VENV)/.beside
	$(MUTANTS_VENV)/bin/python -m pip install --quiet --disable-pip-version-check mutmut==3.8.1
	touch $@

# A venv that has the packages of the first as well.
$(GP_VENV)/.beside $(MUTANTS_VENV)/.beside: $(READY)
	test -x $(@D)/bin/python || $(BIN)/python -m venv $(@D)
	packages='import sysconfig; print(sysconfig.get_path("purelib"))'; \
	  echo "import site; site.addsitedir('$$($(BIN)/python -c "$$packages")')" \
	  > "$$($(@D)/bin/python -c "$$packages")/jdend.pth"
	touch $@

# TensorFlow Datasets prepares Fashion-MNIST with TensorFlow, in a venv of its own, and jdend reads it.
test-tfds: $(READY)
	test -x $(TFDS_VENV)/bin/python || $(PYTHON) -m venv $(TFDS_VENV)
	$(TFDS_VENV)/bin/pip install --quiet tensorflow-cpu "tensorflow-datasets>=4.9.9" array_record \
	  importlib_resources pillow
	JDEND_TFDS_PYTHON=$(TFDS_VENV)/bin/python $(BIN)/python -m pytest tests/tfds

# The kernel's tests with the native library built under AddressSanitizer and UBSan (GCC).
SANITIZE := -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all
sanitize: $(READY)
	JDEND_REQUIRE_KERNEL=1 JDEND_CXXFLAGS="$(SANITIZE)" $(BIN)/python setup.py -q build_ext \
	  --build-lib build/sanitize --build-temp build/sanitize
	LD_PRELOAD="$$($(CXX) -print-file-name=libasan.so) $$($(CXX) -print-file-name=libubsan.so)" \
	  ASAN_OPTIONS=detect_leaks=0 \
	  JDEND_KERNEL_LIBRARY=$(CURDIR)/build/sanitize/jdend/kernels/libjdend.so \
	  $(BIN)/python -m pytest tests/kernels -k "native or matmul or rows or adamw or entropy or threefry"

lock: $(UV)
	$(UV) pip compile --quiet pyproject.toml --extra test --universal --no-strip-extras \
	  --python-version 3.11 --generate-hashes --no-annotate --no-header -o requirements.lock

$(UV):
	$(PYTHON) -m venv $(VENV)-uv
	$(VENV)-uv/bin/pip install --quiet --disable-pip-version-check uv

clean:
	rm -rf $(VENV) $(VENV)-uv $(GP_VENV) $(TFDS_VENV) $(MUTANTS_VENV) $(AUDIT_VENV) build dist *.egg-info .pytest_cache .ruff_cache .hypothesis .coverage
