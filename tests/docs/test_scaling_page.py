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
(SLURM,) = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
(KUBERNETES,) = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
STAND_INS = {
    "scontrol": "#!/bin/sh\nprintf 'node-1\\nnode-2\\n'\n",
    "srun": '#!/bin/sh\nexec "$@"\n',
    "ray": '#!/bin/sh\necho "$@"\n',
}


@pytest.fixture
def stand_ins(tmp_path):
    """An environment in which a job has two nodes, and `ray` says its arguments."""
    programs = tmp_path / "jdend" / ".venv" / "bin"
    programs.mkdir(parents=True)
    (programs / "activate").write_text("")
    for name, text in STAND_INS.items():
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    path = os.pathsep.join([str(programs), os.environ["PATH"]])
    slurm = {"JOB_ID": "12345", "JOB_NODELIST": "node-[1-2]", "JOB_NUM_NODES": "2"}
    slurm["CPUS_PER_TASK"] = "16"
    return {"HOME": str(tmp_path), "PATH": path, **{f"SLURM_{k}": v for k, v in slurm.items()}}


def search(line):
    """What `python -m jdend.search` makes of its arguments; unknown ones end the test."""
    _, program, arguments = line.partition("python -m jdend.search ")
    assert program, line
    return parse_command(command_parser(), arguments.split(), begun=0.0)


def test_slurm_starts_ray_on_every_node_and_the_search_joins_it(stand_ins, tmp_path):
    assert SLURM.startswith("#!/usr/bin/env bash\n")
    (tmp_path / "search.slurm").write_text(SLURM)
    said = subprocess.run(
        ["bash", "search.slurm"], cwd=tmp_path, env=stand_ins, capture_output=True, text=True,
        check=True,
    ).stdout  # fmt: skip
    ray, _, entry = said.partition(" -- ")
    address = "node-1:22345"
    expected = ["symmetric-run", "--address", address, "--min-nodes", "2", "--num-cpus=16"]
    assert ray.split() == expected
    command = search(entry)
    assert command.settings["cluster"] == address
    assert (command.storage.out, command.storage.resume) == ("runs/fashion-8000", True)


def test_kubernetes_objects_belong_together():
    claim, job = yaml.safe_load_all(KUBERNETES)
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    command = search(job["spec"]["entrypoint"])
    assert command.settings["cluster"] == "auto"
    assert command.storage.resume is True
    head = job["spec"]["rayClusterSpec"]["headGroupSpec"]["template"]["spec"]
    (volume,) = head["volumes"]
    assert volume["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
    (mount,) = head["containers"][0]["volumeMounts"]
    assert mount["name"] == volume["name"]
    assert str(command.storage.out).startswith(f"{mount['mountPath']}/")
    (group,) = job["spec"]["rayClusterSpec"]["workerGroupSpecs"]
    (worker,) = group["template"]["spec"]["containers"]
    assert worker["image"] == head["containers"][0]["image"]
