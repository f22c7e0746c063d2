"""Faults planted in jdend, one at a time: which ones do the tests notice? (`make mutants`)

    python tests/mutants.py --out experiments/results/mutants.json --per-file 6 --seed 0

The faults are mutmut's: other operators and numbers, arguments left out or None, conditions turned
round, values that become None. Its own runner needs functions without decorators, which methods of
jdend and JAX's transformations have; here a copy of the checkout holds the changed file while tests
run, in a process forked from one that has imported JAX and pytest, but not jdend.

Of each file of an area a sample is tried, drawn by the seed. A mutant is tried with those tests of
its area that run its line, first those of its file's own tests, then the quickest, until one fails.
What was tried before, and has not changed, is not tried again: a run that ends early is gone on
with by the same command.
"""

import argparse
import contextlib
import ctypes
import difflib
import hashlib
import importlib
import json
import os
import random
import re
import resource
import shutil
import signal
import sys
import time
import tomllib
from dataclasses import asdict, dataclass
from pathlib import Path

import libcst as cst
from libcst.metadata import MetadataWrapper, ParentNodeProvider, PositionProvider
from mutmut.mutation.mutators import mutation_operators, operator_string

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / "build/mutants"
COPY = WORK / "checkout"
EQUIVALENT = ROOT / "tests/equivalent_mutants.toml"

# Of the tests of training, those that do not take minutes.
TRAINING = (
    "augmentation",
    "bucket",
    "class_weights",
    "compilation",
    "compilation_cache",
    "dense_gradient",
    "device_data",
    "divided_runs",
    "dropout",
    "folds_in_populations",
    "kept_populations",
    "learning_rate",
    "meshes",
    "metrics",
    "optimizer",
    "order",
    "outcome",
    "own_programs",
    "population",
    "programs_for",
    "pruned_populations",
    "regression_figures",
    "resampling",
    "snapshots",
    "state",
    "stateful_architectures",
    "stopwatch",
    "teachers",
    "train",
    "train_model",
)

# What is mutated, and the tests that should notice.
AREAS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "plasticity": (
        ("jdend/plasticity",),
        ("tests/test_plasticity.py", "tests/test_resample_layer.py", "tests/test_reference.py"),
    ),
    "connectivity": (
        ("jdend/connectivity.py",),
        ("tests/test_connectivity.py", "tests/test_reference.py"),
    ),
    "budget": (
        (
            "jdend/models/_count.py",
            "jdend/search/space/budget.py",
            "jdend/search/space/feasible.py",
            "jdend/search/space/infeasible.py",
            "jdend/search/space/parameter_count.py",
        ),
        ("tests/search/space", "tests/models/test_count_params.py"),
    ),
    "pruners": (
        (
            "jdend/pruning.py",
            "jdend/search/pruners.py",
            "jdend/search/rungs.py",
            "jdend/training/_pruning.py",
        ),
        (
            "tests/test_pruning.py",
            "tests/search/test_pruners.py",
            "tests/search/test_rungs.py",
            "tests/training/test_pruned_populations.py",
        ),
    ),
    "planner": (("jdend/search/planning",), ("tests/search/planning",)),
    "training": (
        ("jdend/training",),
        (
            "tests/test_reference.py",
            *(f"tests/training/test_{name}.py" for name in TRAINING),
        ),
    ),
    "saving": (
        (
            "jdend/models/_card.py",
            "jdend/models/_record.py",
            "jdend/models/_saving.py",
            "jdend/models/_table_record.py",
            "jdend/models/_trained.py",
            "jdend/models/_values.py",
        ),
        ("tests/models/test_saving.py", "tests/models/test_configuration.py"),
    ),
    "study": (("jdend/study",), ("tests/study",)),
}

QUICK = 0.1  # seconds
SECONDS_OF_TESTS = 40.0  # a mutant's tests take that long at most, by the times of the true code
ENVIRONMENT = {
    "PYTHONPATH": str(COPY),
    "PYTHONDONTWRITEBYTECODE": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "JAX_COMPILATION_CACHE_DIR": str(WORK / "programs"),
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    "JAX_COMPILATION_CACHE_MAX_SIZE": str(4 << 30),
}
ALIVE = ("survived", "no test")
PRELOADED = ("jax", "flax.nnx", "optax", "optuna", "jaxtyping", "beartype", "safetensors", "rich")
PRELOADED += ("pytest", "hypothesis")
PR_SET_PDEATHSIG = 1
STRICT = re.compile(r",\s*(strict=\w+)?\)")


@dataclass(frozen=True)
class Mutant:
    """One fault: `line` of `file` is not `before` but `after`."""

    area: str
    file: str
    line: int
    before: str
    after: str
    digest: str  # of the file

    @property
    def key(self) -> str:
        whole = f"{self.file} {self.digest} {self.line} {self.before} {self.after}"
        return hashlib.sha256(whole.encode()).hexdigest()


@dataclass
class Tried:
    """`outcome` is killed, timeout, survived, or no test (runs the line)."""

    mutant: Mutant
    outcome: str
    seconds: float = 0.0
    by: str = ""
    n_tests: int = 0


class Faults(cst.CSTVisitor):
    """Collects what mutmut's operators make of a file, but for what only people read."""

    METADATA_DEPENDENCIES = (PositionProvider, ParentNodeProvider)
    SKIPPED = (cst.Annotation, cst.Decorator, cst.Import, cst.ImportFrom, cst.Raise, cst.Assert)

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[int, cst.CSTNode, cst.CSTNode]] = []

    def on_visit(self, node: cst.CSTNode) -> bool:
        if isinstance(node, (*self.SKIPPED, cst.FormattedString, cst.ConcatenatedString)):
            return False
        if isinstance(node, cst.Call) and getattr(node.func, "value", "") in ("len", "isinstance"):
            return False
        if isinstance(node, (cst.Assign, cst.AnnAssign)) and self._only_names_types(node):
            return False
        if isinstance(node, cst.If) and getattr(node.test, "value", "") == "TYPE_CHECKING":
            return False
        for kind, operator in mutation_operators:
            if isinstance(node, kind):
                changed = list(operator(node))
                if operator is operator_string:  # texts have spaces, names have none
                    changed = changed[:1] if " " not in node.value else []
                line = self.get_metadata(PositionProvider, node).start.line
                self.found += [(line, node, other) for other in changed]
        return True

    def _only_names_types(self, node: cst.Assign | cst.AnnAssign) -> bool:
        parent = self.get_metadata(ParentNodeProvider, node)
        if not isinstance(self.get_metadata(ParentNodeProvider, parent), cst.Module):
            return False
        target = node.targets[0].target if isinstance(node, cst.Assign) else node.target
        return getattr(target, "value", "") == "__all__" or isinstance(node.value, cst.Subscript)


def sample(
    area: str, file: str, n: int, seed: int, again: list[Mutant]
) -> list[tuple[Mutant, str]]:
    """Mutants of a file, each with the text of the file that has it: the same ones again and again,
    and a larger sample contains a smaller one; then the mutants `again`."""
    lines_again, keys_again = {m.line for m in again}, {m.key for m in again}
    text = (COPY / file).read_text()
    wrapper = MetadataWrapper(cst.parse_module(text))
    faults = Faults()
    wrapper.visit(faults)
    random.Random(f"{seed} {file}").shuffle(faults.found)
    chosen: dict[str, tuple[Mutant, str]] = {}
    n_chosen = 0
    for line, node, other in faults.found:
        if n_chosen == n and line not in lines_again:
            continue
        changed = wrapper.module.deep_replace(node, other).code
        lines = list(difflib.unified_diff(text.splitlines(), changed.splitlines(), n=0))[3:]
        before = " ".join(one[1:].strip() for one in lines if one.startswith("-"))
        after = " ".join(one[1:].strip() for one in lines if one.startswith("+"))
        mutant = Mutant(area, file, line, before, after, digest(file))
        if changed == text or only_checks(mutant) or mutant.key in chosen:
            continue
        if n_chosen < n or mutant.key in keys_again:
            chosen[mutant.key] = mutant, changed
            n_chosen = min(n, n_chosen + 1)
    return list(chosen.values())


def only_checks(mutant: Mutant) -> bool:
    """Whether it leaves out `strict=True`, which is there to find faults and never fails else."""
    before, after = (STRICT.sub(")", text) for text in (mutant.before, mutant.after))
    return before == after


def python_files(paths: tuple[str, ...], pattern: str) -> list[str]:
    found = []
    for path in paths:
        inside = (COPY / path).rglob(pattern) if (COPY / path).is_dir() else [COPY / path]
        found += sorted(str(one.relative_to(COPY)) for one in inside)
    return found


def renew_copy() -> None:
    """The checkout's packages and tests as they are now, at `COPY`."""
    for name in ("jdend", "tests", "docs", "experiments", "notebooks"):
        shutil.rmtree(COPY / name, ignore_errors=True)
        shutil.copytree(
            ROOT / name, COPY / name, ignore=shutil.ignore_patterns("__pycache__"), symlinks=True
        )
    for name in ("pyproject.toml", "README.md", "Makefile"):
        shutil.copy2(ROOT / name, COPY / name)


def run_tests(
    tests: list[str], log: Path, seconds: float, options: tuple[str, ...] = ("-x",), plugins=()
) -> str:
    """Runs tests in a forked process: its exit status as text, or "timeout"."""
    child = os.fork()
    if child == 0:
        os.setsid()
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for descriptor in (1, 2):
            os.dup2(out, descriptor)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        resource.setrlimit(resource.RLIMIT_DATA, (12 << 30, 12 << 30))
        os.chdir(COPY)
        sys.path[:0] = [str(COPY)]
        status = 99
        try:
            import pytest

            status = int(pytest.main(["-p", "no:cacheprovider", *options, *tests], plugins))
        finally:
            sys.stdout.flush()
            os._exit(status)
    until = time.monotonic() + seconds
    outcome = "timeout"
    while time.monotonic() < until:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            code = os.waitstatus_to_exitcode(status)
            outcome = str(code)
            break
        time.sleep(0.02)
    with contextlib.suppress(ProcessLookupError):  # also what the tests have started
        os.killpg(child, signal.SIGKILL)
    if outcome == "timeout":
        os.waitpid(child, 0)
    return outcome


class Timing:
    """A plugin of pytest that writes down what passed, and in which time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.seconds: dict[str, float] = {}
        self.failed: set[str] = set()

    def pytest_runtest_logreport(self, report) -> None:
        self.seconds[report.nodeid] = self.seconds.get(report.nodeid, 0.0) + report.duration
        if report.outcome != "passed":
            self.failed.add(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        passed = {one: s for one, s in self.seconds.items() if one not in self.failed}
        self.path.write_text(json.dumps({"passed": passed, "failed": sorted(self.failed)}))


@dataclass
class Baseline:
    """Which tests of a file run which lines of the true code, and how long each takes."""

    seconds: dict[str, float]
    tests_of: dict[str, dict[int, list[str]]]  # file → line → tests


def digest(file: str) -> str:
    """Of the file as it is in the copy; of one that is gone, that of nothing."""
    content = (COPY / file).read_bytes() if (COPY / file).exists() else b""
    return hashlib.sha256(content).hexdigest()[:16]


def baseline(test_file: str, sources: list[str]) -> Baseline:
    """Measured once for a test file and the sources as they are."""
    kept = WORK / "baseline" / f"{test_file.replace('/', '+')}.json"
    if kept.exists():
        content = json.loads(kept.read_text())
        digests = content["digests"]
        if all(digests.get(file) == digest(file) for file in (test_file, *sources)):
            tests_of = {
                file: {int(line): tests for line, tests in lines.items()}
                for file, lines in content["tests_of"].items()
            }
            return Baseline(content["seconds"], tests_of)
    import coverage

    kept.parent.mkdir(parents=True, exist_ok=True)
    times, data_file = kept.with_suffix(".times"), kept.with_suffix(".coverage")
    times.unlink(missing_ok=True)
    data_file.unlink(missing_ok=True)
    os.environ["COVERAGE_FILE"] = str(data_file)
    begun = time.monotonic()
    options = ("--cov=jdend", "--cov-context=test", "--cov-report=", "--cov-fail-under=0")
    status = run_tests([test_file], kept.with_suffix(".log"), 1800, options, (Timing(times),))
    os.environ.pop("COVERAGE_FILE")
    if not times.exists():
        sys.exit(f"{test_file} does not run (status {status}): see {kept.with_suffix('.log')}")
    ran = json.loads(times.read_text())
    data = coverage.CoverageData(str(data_file))
    data.read()
    tests_of: dict[str, dict[int, list[str]]] = {}
    for measured in data.measured_files():
        lines = data.contexts_by_lineno(measured)
        tests_of[str(Path(measured).relative_to(COPY))] = {
            line: sorted({c.rpartition("|")[0] for c in contexts} & set(ran["passed"]))
            for line, contexts in lines.items()
        }
    found = Baseline(ran["passed"], tests_of)
    digests = {file: digest(file) for file in (test_file, *python_files(("jdend",), "*.py"))}
    kept.write_text(json.dumps({"digests": digests, **asdict(found)}))
    print(
        f"{test_file}: {len(ran['passed'])} tests in {time.monotonic() - begun:.0f} s"
        + (f", left out, since they fail or are skipped: {ran['failed']}" if ran["failed"] else ""),
        flush=True,
    )
    return found


def tests_for(mutant: Mutant, baselines: list[Baseline]) -> list[str]:
    """The tests that run the mutant's line, and quick ones beside them, which may look at what a
    fixture of theirs ran; all of the files that import its file if the line is run by that. Those
    of its own file of tests come first, and then the quickest."""
    of_file = [(one, one.tests_of[mutant.file]) for one in baselines if mutant.file in one.tests_of]
    # A statement of several lines counts as its first.
    line = max((n for _, lines in of_file for n in lines if n <= mutant.line), default=0)
    running = [(one, lines[line]) for one, lines in of_file if line in lines]
    at_import = not all(tests for _, tests in running)
    seconds = {
        test: taken
        for one, tests in (running if running else of_file)
        for test, taken in one.seconds.items()
        if at_import or test in tests or taken < QUICK
    }
    own = f"test_{Path(mutant.file).stem.removeprefix('_')}.py::"
    chosen, total = [], 0.0
    for test in sorted(seconds, key=lambda test: (own not in test, seconds[test])):
        total += seconds[test]
        if total > SECONDS_OF_TESTS and chosen:
            break
        chosen.append(test)
    return chosen


def attempt(mutant: Mutant, text: str, tests: list[str], expected: float) -> Tried:
    """Runs tests with the mutant in the copy."""
    if not tests:
        return Tried(mutant, "no test")
    path, log = COPY / mutant.file, WORK / "log"
    true, stat = path.read_text(), path.stat()
    begun = time.monotonic()
    try:
        path.write_text(text)
        status = run_tests(tests, log, 60 + 6 * expected)
    finally:
        path.write_text(true)
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    outcome = {"0": "survived", "timeout": "timeout"}.get(status, "killed")
    by = ""
    if outcome == "killed":
        said = [one for one in log.read_text(errors="replace").splitlines() if "FAILED " in one]
        said += [f"status {status}"]
        by = said[0].removeprefix("FAILED ").partition(" - ")[0]
    return Tried(mutant, outcome, round(time.monotonic() - begun, 1), by, len(tests))


def equivalent() -> dict[tuple[str, str, str], str]:
    """The mutants that compute the same, or what nobody promises: (file, before, after) → why."""
    entries = tomllib.loads(EQUIVALENT.read_text())["mutant"] if EQUIVALENT.exists() else []
    return {(one["file"], one["before"], one["after"]): one["why"] for one in entries}


def table(tried: list[Tried]) -> str:
    """Counts of each area, as Markdown."""
    argued = equivalent()
    columns = ("area", "files", "tried", "killed", "of these, by time", "argued away", "survive")
    lines = [f"| {' | '.join(columns)} | killed of the rest |", "|---" * 8 + "|"]
    for area in [*AREAS, "all"]:
        of_area = [one for one in tried if area in (one.mutant.area, "all")]
        if not of_area:
            continue
        killed = [one for one in of_area if one.outcome in ("killed", "timeout")]
        alive = [one for one in of_area if one.outcome in ALIVE]
        mutants = [(m.file, m.before, m.after) for m in (one.mutant for one in alive)]
        n_away = sum(one in argued for one in mutants)
        n_late = sum(one.outcome == "timeout" for one in killed)
        n_files = len({one.mutant.file for one in of_area})
        share = 100 * len(killed) / max(len(of_area) - n_away, 1)
        counts = (len(of_area), len(killed), n_late, n_away, len(alive) - n_away)
        figures = " | ".join(f"{n:,}" for n in (n_files, *counts))
        lines.append(f"| {area} | {figures} | {share:.1f} % |")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("areas", nargs="*", metavar="AREA", help=f"of {', '.join(AREAS)}")
    parser.add_argument("--out", type=Path, required=True, help="the results, as JSON")
    parser.add_argument("--per-file", type=int, default=6, help="mutants of each file")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="ends after that time")
    parser.add_argument("--again", action="store_true", help="tries what survived once more")
    parser.add_argument("--only-table", action="store_true", help="prints the table, runs nothing")
    options = parser.parse_args()
    unknown = set(options.areas) - set(AREAS)
    if unknown:
        parser.error(f"no area {', '.join(sorted(unknown))}; there are {', '.join(AREAS)}")
    kept: dict[str, Tried] = {}
    if options.out.exists():
        for row in json.loads(options.out.read_text())["mutants"]:
            one = Tried(Mutant(**row.pop("mutant")), **row)
            kept[one.mutant.key] = one
    if not options.only_table:
        run(options, kept)
    tried = sorted(kept.values(), key=lambda one: (one.mutant.file, one.mutant.line))
    argued = equivalent()
    print(table(tried))
    left = [
        one.mutant
        for one in tried
        if one.outcome in ALIVE
        and (one.mutant.file, one.mutant.before, one.mutant.after) not in argued
    ]
    for m in left:
        print(f"\n{m.file}:{m.line}\n- {m.before}\n+ {m.after}")
    return int(bool(left))


def run(options: argparse.Namespace, kept: dict[str, Tried]) -> None:
    """Tries what is not among `kept` yet, and adds it."""
    begun = time.monotonic()
    os.environ.update(ENVIRONMENT)
    sys.dont_write_bytecode = True
    COPY.mkdir(parents=True, exist_ok=True)
    renew_copy()
    preload()
    for area in options.areas or AREAS:
        sources, test_paths = AREAS[area]
        files = python_files(sources, "*.py")
        for one in list(kept.values()):
            if one.mutant.area == area and one.mutant.digest != digest(one.mutant.file):
                del kept[one.mutant.key]  # the file is another now
        alive = [one.mutant for one in kept.values() if one.outcome in ALIVE and options.again]
        argued = equivalent()
        alive = [m for m in alive if (m.file, m.before, m.after) not in argued]
        wanted = [
            one
            for file in files
            for one in sample(
                area, file, options.per_file, options.seed, [m for m in alive if m.file == file]
            )
        ]
        new = [
            (mutant, text) for mutant, text in wanted if mutant.key not in kept or mutant in alive
        ]
        if not new:
            continue
        baselines = [baseline(file, files) for file in python_files(test_paths, "test_*.py")]
        seconds = {test: s for one in baselines for test, s in one.seconds.items()}
        for number, (mutant, text) in enumerate(new, 1):
            if time.monotonic() - begun > options.seconds:
                return
            tests = tests_for(mutant, baselines)
            one = attempt(mutant, text, tests, sum(seconds[test] for test in tests))
            kept[mutant.key] = one
            print(
                f"{area} {number}/{len(new)} {mutant.file}:{mutant.line} {one.outcome} "
                f"{one.seconds} s of {one.n_tests} tests {one.by}",
                flush=True,
            )
            write(options, kept)
        write(options, kept)


def write(options: argparse.Namespace, kept: dict[str, Tried]) -> None:
    rows = sorted(kept.values(), key=lambda one: (one.mutant.file, one.mutant.line))
    content = {"seed": options.seed, "mutants": [asdict(one) for one in rows]}
    partial = options.out.with_suffix(".partial")
    partial.write_text(json.dumps(content, indent=1) + "\n")
    partial.replace(options.out)


def preload() -> None:
    """Imports what all tests need and jdend does not own; JAX starts no thread before its first
    array, so the process can be forked."""
    for name in PRELOADED:
        importlib.import_module(name)
    assert not any(name.split(".")[0] == "jdend" for name in sys.modules)


if __name__ == "__main__":
    sys.exit(main())
