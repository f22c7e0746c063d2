"""The files of docs/scaling.md, with stand-ins for what only clusters have."""

import os
import re
import subprocess

import pytest
import yaml
from code_blocks import ROOT

from jdend.search.cli.arguments import parse_command
from jdend.search.cli.main import command_parser

PAGE = (ROOT / "docs" / "scaling.md").read_text(encoding="utf-8")
GPUS, SLURM = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
(KUBERNETES,) = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
SAYS = '#!/bin/sh\necho "$CUDA_VISIBLE_DEVICES $@"\n'


@pytest.fixture
def stand_ins(tmp_path):
    """An environment in which `python` says its arguments and there are two GPUs."""
    home, programs = tmp_path / "home", tmp_path / "home" / "jdend" / ".venv" / "bin"
    programs.mkdir(parents=True)
    (home / ".jdend-storage").write_text("export JDEND_STORAGE=postgresql://me@host/db\n")
    (programs / "activate").write_text("")
    for name, text in (("python", SAYS), ("nvidia-smi", "#!/bin/sh\necho 0\necho 1\n")):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    path = os.pathsep.join([str(programs), os.environ["PATH"]])
    return {"HOME": str(home), "PATH": path, "JDEND_STORAGE": "postgresql://me@host/db"}


def ran(command, stand_ins, folder):
    """What the commands printed."""
    return subprocess.run(
        command, cwd=folder, env=stand_ins, capture_output=True, text=True, check=True
    ).stdout


def options(line):
    """What `python -m jdend.search` makes of its arguments; unknown ones end the test."""
    _, program, arguments = line.partition("-m jdend.search ")
    assert program, line
    return parse_command(command_parser(), arguments.split(), begun=0.0).storage


@pytest.mark.parametrize("script", [GPUS, SLURM])
def test_scripts_are_bash(script):
    assert script.startswith("#!/usr/bin/env bash\n")
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)


def test_each_gpu_has_a_worker(stand_ins, tmp_path):
    (tmp_path / "gpus.sh").write_text(GPUS)
    ran(["bash", "gpus.sh"], stand_ins, tmp_path)
    said = [(tmp_path / f"worker-{gpu}.txt").read_text() for gpu in (0, 1)]
    assert [line.split()[0] for line in said] == ["0", "1"]
    assert {options(line).out for line in said} == {"runs/wide"}
    assert all(options(line).resume for line in said)


def test_slurm_starts_workers_of_one_study(stand_ins, tmp_path):
    (tmp_path / "search.slurm").write_text(SLURM)
    storage = options(ran(["bash", "search.slurm"], stand_ins, tmp_path))
    assert (storage.storage, storage.study_name) == ("postgresql://me@host/db", "fashion-8000")


def test_kubernetes_starts_workers_of_one_study(stand_ins, tmp_path):
    secret, job, *_ = yaml.safe_load_all(KUBERNETES)
    (container,) = job["spec"]["template"]["spec"]["containers"]
    given = {variable["name"]: variable for variable in container["env"]}
    reference = given["JDEND_STORAGE"]["valueFrom"]["secretKeyRef"]
    assert reference["name"] == secret["metadata"]["name"]
    assert reference["key"] in secret["stringData"]
    fetch, line = ran([*container["command"], *container["args"]], stand_ins, tmp_path).splitlines()
    assert fetch.split()[-2:] == ["fetch", "fashion-mnist"]
    storage = options(line)
    assert (storage.storage, storage.study_name) == ("postgresql://me@host/db", "fashion-8000")


def test_kubernetes_objects_belong_together():
    objects = {found["kind"]: found for found in yaml.safe_load_all(KUBERNETES)}
    assert list(objects) == ["Secret", "Job", "StatefulSet", "Service"]
    for found in objects.values():
        assert found["apiVersion"]
        assert found["metadata"]["name"]
    labels = objects["StatefulSet"]["spec"]["template"]["metadata"]["labels"]
    assert objects["Service"]["spec"]["selector"] == labels
    pod = objects["Job"]["spec"]["template"]["spec"]
    mounted = {mount["name"] for mount in pod["containers"][0]["volumeMounts"]}
    assert mounted == {volume["name"] for volume in pod["volumes"]}
    host = objects["Service"]["metadata"]["name"]
    assert f"@{host}:5432/" in objects["Secret"]["stringData"]["url"]
