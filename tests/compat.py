"""jdend among the versions that it allows, each in an environment of its own (`make compat`).

    python tests/compat.py --uv .venv-lock/bin/uv --out compat.json [PYTHON ...]

For each combination it builds a wheel, installs it with what it needs, cuts off the network (where
Linux lets it), and runs tests of every room and the first search of README.md. Prints a table in
Markdown; ends with 1 where something failed. Needs nothing but Python and uv.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).parents[1]
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
SHOWN = ("jax", "flax", "optax", "numpy", "optuna")
TOOLS = ("pytest", "hypothesis", "beartype", "pandas")
EXTRAS = ("digits", "report")
WITHOUT_NETWORK = ("unshare", "--map-root-user", "--net")
TESTS = (  # of every room some, in about two minutes on two cores
    "tests/test_reference.py",
    "tests/test_connectivity.py::test_inputs_are_distinct_and_in_range",
    "tests/test_connectivity.py::test_padding_changes_no_draw",
    "tests/test_estimator.py::test_it_learns",
    "tests/test_older_files.py",
    "tests/test_predict.py::test_it_is_a_command",
    "tests/test_predict.py::test_bad_images_are_refused",
    "tests/test_pruning.py",
    "tests/test_regressor.py::test_it_learns",
    "tests/kernels/test_native.py",
    "tests/models/test_architectures.py",
    "tests/models/test_count_params.py",
    "tests/models/test_saving.py",
    "tests/training/test_bucket.py",
    "tests/training/test_compilation.py",
    "tests/training/test_compilation_cache.py",
    "tests/training/test_device_data.py",
    "tests/training/test_folds_in_populations.py::test_folds_of_a_seed_differ",
    "tests/training/test_population.py::test_schedules_are_optaxs",
    "tests/training/test_population.py::test_an_epochs_order_is_a_permutation",
    "tests/search/test_cross_validation.py::test_figures_are_means_over_the_folds_of_each_seed",
    "tests/search/cli/test_resuming.py::test_the_newest_goes_on",
    "tests/study/test_result_files.py",
    "tests/report/test_comparisons.py",
    "tests/report/test_importances.py",
    "tests/exporting/test_stablehlo.py::test_it_runs_in_a_process_without_jdend",
    "tests/data/test_folds.py",
    "tests/data/test_tables.py",
    "tests/data/test_targets.py",
)
SOURCES = ("jdend", "pyproject.toml", "setup.py", "README.md", "LICENSE")


@dataclass(frozen=True)
class Combination:
    """What to install: the newest that pip finds, unless a field says otherwise."""

    name: str
    python: str
    requires: tuple[str, ...] = ()
    oldest: bool = False
    compiler: bool = True


def version_of(command: str) -> str | None:
    """'3.12.1', or None where the command starts no Python."""
    program = "import platform; print(platform.python_version())"
    try:
        said = subprocess.run([command, "-c", program], capture_output=True, text=True)
    except OSError:
        return None
    return said.stdout.strip() if said.returncode == 0 else None


def interpreters(given: list[str]) -> dict[str, str]:
    """By minor version: those given, or else what is on PATH or among pyenv's."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    named = [shutil.which(f"python{minor}") for minor in PYTHONS]
    candidates = given or [*filter(None, named), *map(str, sorted(pyenv.glob("*/bin/python")))]
    found: dict[str, str] = {}
    for command in candidates:
        if (version := version_of(command)) is None:
            if given:
                sys.exit(f"compat: {command} starts no Python; name others in PYTHONS=...")
        elif (minor := version.rpartition(".")[0]) in PYTHONS:
            found.setdefault(minor, command)
    return dict(sorted(found.items(), key=lambda item: PYTHONS.index(item[0])))


def combinations(found: dict[str, str]) -> list[Combination]:
    newer = {minor: python for minor, python in found.items() if minor != "3.11"}
    chosen = [Combination(f"Python {m}, the newest", python) for m, python in newer.items()]
    if "3.11" in found:
        chosen.insert(0, Combination("Python 3.11, JAX 0.10", found["3.11"], ("jax==0.10.*",)))
    oldest, newest = next(iter(found.items())), list(found.items())[-1]
    chosen.append(Combination(f"Python {oldest[0]}, the oldest of all", oldest[1], oldest=True))
    chosen.append(Combination(f"Python {newest[0]}, without a compiler", newest[1], compiler=False))
    return chosen


def run(command: list, **options) -> subprocess.CompletedProcess:
    return subprocess.run(
        list(map(str, command)),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        **options,
    )


def checked(command: list, **options) -> str:
    done = run(command, **options)
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, command[:4]))} ...\n{done.stdout}")
    return done.stdout


def copied(names: tuple[str, ...], place: Path) -> Path:
    """These files and folders of the checkout, in a folder of their own, without what was built."""
    place.mkdir()
    built = shutil.ignore_patterns("__pycache__", "*.so", "*.dylib")
    for name in names:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, place / name, ignore=built)
        else:
            shutil.copy(ROOT / name, place)
    return place


def install(uv: str, combination: Combination, folder: Path) -> Path:
    """A fresh environment with jdend from a wheel; returns its interpreter."""
    environment = folder / "venv"
    checked([uv, "venv", "--quiet", "--python", combination.python, environment])
    python = environment / "bin" / "python"
    # One environment variable tells the build to do without a compiler, the other to need one.
    told = {"JDEND_REQUIRE_KERNEL": "1"} if combination.compiler else {"CXX": "no-compiler"}
    source = copied(SOURCES, folder / "source")
    build = [uv, "build", "--quiet", "--wheel", "--python", combination.python, source]
    checked([*build, "--out-dir", folder / "wheel"], env=os.environ | told)
    (wheel,) = (folder / "wheel").glob("*.whl")
    wanted = [f"{wheel}[{','.join(EXTRAS)}]", *TOOLS, *combination.requires]
    if combination.oldest:
        extras = [word for extra in EXTRAS for word in ("--extra", extra)]
        resolve = [uv, "pip", "compile", "--quiet", ROOT / "pyproject.toml", *extras]
        resolve += ["--resolution", "lowest-direct", "--python", python, "--no-header"]
        checked([*resolve, "--output-file", folder / "oldest.txt"])
        wanted += ["--constraint", str(folder / "oldest.txt")]
    checked([uv, "pip", "install", "--quiet", "--python", python, *wanted])
    return python


def tested(python: Path, folder: Path, isolation: tuple[str, ...]) -> dict[str, object]:
    """Runs the tests, apart from the checkout, and README.md's first block of commands."""
    place = copied(("tests", "pyproject.toml"), folder / "place")
    environment = os.environ | {
        "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}",
        "XDG_CACHE_HOME": str(folder / "cache"),
        "PYTHONWARNINGS": "default",
    }
    environment.pop("PYTHONPATH", None)

    kernels = checked([python, "-m", "jdend.kernels"], cwd=place, env=environment)
    results = folder / "tests.xml"
    pytest = [python, "-m", "pytest", "--tb=short", "--junitxml", results, *TESTS]
    suite = run([*isolation, *pytest], cwd=place, env=environment)
    counts = dict.fromkeys(("tests", "failures", "errors", "skipped"), 0)
    if results.exists():
        (element,) = ElementTree.parse(results).getroot()
        counts = {name: int(element.attrib[name]) for name in counts}
    failed = counts["failures"] + counts["errors"]

    (block, *_) = re.findall(r"```bash\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    search = run([*isolation, "bash", "-ec", block], cwd=place, env=environment)
    warning = r"^\S*site-packages/jdend/\S+: (?:PendingDeprecation|Deprecation|Future)Warning: .*"
    warned = re.findall(warning, search.stdout, re.MULTILINE)
    figures: dict[str, object] = {
        "kernel": kernels.split()[kernels.split().index("cpu:") + 1],
        "passed": counts["tests"] - failed - counts["skipped"],
        "skipped": counts["skipped"],
        "failed": failed + (suite.returncode != 0 and not failed),
        "first_search": "failed" if search.returncode else "passed",
        "warnings": sorted(set(warned)),
    }
    if suite.returncode:
        print(suite.stdout[-6000:])
    if search.returncode or warned:
        print(search.stdout[-3000:])
    return figures


def tried(uv: str, combination: Combination, isolation: tuple[str, ...]) -> dict[str, object]:
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        try:
            python = install(uv, combination, folder)
        except RuntimeError as error:
            print(error)
            return {"name": combination.name, "installed": False}
        program = (
            "import json; from importlib.metadata import version; "
            f"print(json.dumps({{name: version(name) for name in {SHOWN}}}))"
        )
        versions = json.loads(checked([python, "-c", program]))
        figures = tested(python, folder, isolation)
        return {
            "name": combination.name,
            "installed": True,
            "versions": {"python": version_of(str(python)), **versions},
            "network": "cut off" if isolation else "not cut off",
            **figures,
            "seconds": round(time.monotonic() - begun),
        }


def good(result: dict[str, object], compiler: bool) -> bool:
    return (
        bool(result["installed"])
        and not result["failed"]
        and result["first_search"] == "passed"
        and not result["warnings"]
        and (result["kernel"] == "native") == compiler
    )


def table(results: list[dict]) -> str:
    """In Markdown, as docs/reliability.md has it."""
    heads = ("", "Python", *SHOWN, "kernel", "tests: passed, skipped, failed", "first search")
    rows = [heads, ("---",) * len(heads)]
    for result in results:
        if not result["installed"]:
            rows.append((result["name"], *[""] * (len(heads) - 2), "cannot be installed"))
            continue
        counts = ", ".join(f"{result[name]:,}" for name in ("passed", "skipped", "failed"))
        shown = (*result["versions"].values(), result["kernel"], counts, result["first_search"])
        rows.append((result["name"], *shown))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pythons", nargs="*", help="interpreters; without, those that are found")
    parser.add_argument("--uv", default="uv", help="the command uv (default: uv on PATH)")
    parser.add_argument(
        "--only", default="", help="run those whose names have this; --out keeps others"
    )
    parser.add_argument("--out", type=Path, help="where the results are written as JSON")
    options = parser.parse_args()
    found = interpreters(options.pythons)
    if not found:
        sys.exit(f"compat: no Python {PYTHONS[0]} or newer found; name some in PYTHONS=...")
    not_run = [f"Python {minor}" for minor in PYTHONS if minor not in found]
    if not_run:
        print(f"not run, since there is no interpreter: {', '.join(not_run)}")
    isolation = WITHOUT_NETWORK if shutil.which(WITHOUT_NETWORK[0]) else ()
    if not isolation or run([*isolation, "true"]).returncode:
        isolation = ()
        print("the network is not cut off: that takes Linux's unshare, and the right to use it")
    all_good = True
    kept = (
        json.loads(options.out.read_text())
        if options.only and options.out and options.out.exists()
        else {}
    )
    results = {result["name"]: result for result in kept.get("combinations", [])}
    for combination in combinations(found):
        if options.only not in combination.name:
            continue
        print(f"{combination.name}: {combination.python}", flush=True)
        result = results[combination.name] = tried(options.uv, combination, isolation)
        all_good &= good(result, combination.compiler)
        if options.out is not None:
            said = {"not_run": not_run, "combinations": list(results.values())}
            options.out.write_text(json.dumps(said, indent=2) + "\n")
    print(table(list(results.values())))
    return int(not all_good)


if __name__ == "__main__":
    sys.exit(main())
