"""`rollcall lab` in a clone of its own: what is run there, git never sees; whose package it is."""

import asyncio
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.request
from uuid import uuid4

import pytest
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

from rollcall.report.notebooks import copies
from rollcall.util.files import clone
from tests.end_to_end import in_process

pytestmark = pytest.mark.slow
FILES = ("lib", "notebooks", "pyproject.toml", ".gitignore", ".gitattributes", "README.md")
SECONDS = 60
ON_A_RUN = {
    "1_train": {"targets": 16, "options": ["patients:120"], "recipe": ["epochs:30"]},
    "explore": {"stills": True},  # pictures that move are in tests/browser
    "watch": {},
    "start": {},
}
WHERE = """
import json, rollcall
from ipykernel.connect import get_connection_info
info = json.loads(get_connection_info())
print(json.dumps([rollcall.__file__, info["transport"], info["ip"]]))
"""


class Server:
    """JupyterLab, by its REST interface."""

    def __init__(self, address, token):
        self.address, self.headers = address, {"Authorization": f"token {token}"}

    def call(self, path, method="GET", content=None):
        body = None if content is None else json.dumps(content).encode()
        request = urllib.request.Request(
            self.address + path,
            body,
            self.headers | {"Content-Type": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            return json.loads(answer.read() or "null")

    def execute(self, sources, folder):
        """Execute cells in `folder`; return what each put out, to the first error."""
        wanted = {"path": f"{folder}/x.ipynb", "name": "", "type": "notebook"}
        session = self.call("api/sessions", "POST", wanted | {"kernel": {"name": "python3"}})
        return asyncio.run(self._execute(session["kernel"]["id"], sources))

    async def _execute(self, kernel, sources):
        url = f"{self.address.replace('http', 'ws', 1)}api/kernels/{kernel}/channels"
        socket = await websocket_connect(HTTPRequest(url, headers=self.headers))
        outputs = []
        for source in sources:
            number = uuid4().hex
            content = {"code": source, "silent": False, "store_history": True}
            content |= {"user_expressions": {}, "allow_stdin": False, "stop_on_error": True}
            header = {"msg_id": number, "msg_type": "execute_request", "version": "5.3"}
            header |= {"session": "s", "username": "", "date": ""}
            message = {"header": header, "parent_header": {}, "metadata": {}, "channel": "shell"}
            await socket.write_message(json.dumps(message | {"content": content, "buffers": []}))
            put, done = [], False
            while not done:
                text = await asyncio.wait_for(socket.read_message(), SECONDS)
                answer = json.loads(text)
                if answer["parent_header"].get("msg_id") != number:
                    continue
                kind, content = answer["msg_type"], answer["content"]
                done = kind == "status" and content["execution_state"] == "idle"
                if kind in ("stream", "display_data", "execute_result", "error"):
                    put.append({"output_type": kind, **content})
            outputs.append(put)
            if any(output["output_type"] == "error" for output in put):
                break
        socket.close()
        while await socket.read_message() is not None:  # until it is closed
            pass
        return outputs


def git(top, *words):
    return subprocess.run(
        ["git", "-C", top, *words], capture_output=True, text=True, check=True
    ).stdout


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A second checkout, committed; its package is not the one that is installed."""
    top = tmp_path_factory.mktemp("checkout")
    for name in FILES:
        if (clone() / name).is_dir():
            shutil.copytree(
                clone() / name, top / name, ignore=shutil.ignore_patterns("__pycache__")
            )
        else:
            shutil.copyfile(clone() / name, top / name)
    git(top, "init", "-q")
    git(top, "add", "-A")
    who = ("-c", "user.name=a", "-c", "user.email=a@b")
    git(top, *who, "commit", "-q", "-m", "first")
    return top


@pytest.fixture(scope="module")
def started(checkout, tmp_path_factory):
    """`rollcall lab` of that checkout, and what it has printed."""
    printed = tmp_path_factory.mktemp("printed") / "printed"
    environment = {key: os.environ[key] for key in os.environ if key != "ROLLCALL_HOME"}
    environment["PYTHONPATH"] = str(checkout / "lib")
    with printed.open("w") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "rollcall", "lab", "--no-browser", "--port", "8970"],
            env=environment,
            stdout=file,
            stderr=subprocess.STDOUT,
            cwd=checkout,
        )
        while "token=" not in printed.read_text():
            assert process.poll() is None, printed.read_text()
        address, token = re.search(r"(http://\S+?/)lab\S*token=(\w+)", printed.read_text()).groups()
        yield Server(address, token), process, printed, token
        process.send_signal(signal.SIGTERM)
        process.wait(SECONDS)
        # a token printed twice is one more place to take it from
        assert printed.read_text().count(token) == 1
        with pytest.raises(OSError):
            urllib.request.urlopen(address, timeout=5)


def run_all(server, name, folder="results/notebooks"):
    """Run all cells of a notebook as JupyterLab does, and save it; return its outputs."""
    model = server.call(f"api/contents/{folder}/{name}")
    cells = [cell for cell in model["content"]["cells"] if cell["cell_type"] == "code"]
    outputs = server.execute([cell["source"] for cell in cells], folder)
    for number, (cell, put) in enumerate(zip(cells, outputs, strict=False), 1):
        for output in put:
            output.pop("transient", None)
            if output["output_type"] == "display_data":
                output.pop("execution_count", None)
        cell["outputs"], cell["execution_count"] = put, number
        cell["metadata"]["execution"] = {"iopub.status.busy": "2026-11-30"}
    model["content"]["metadata"]["language_info"] = {"name": "python", "version": "3.11.7"}
    server.call(f"api/contents/{folder}/{name}", "PUT", model)
    return [output for put in outputs for output in put]


def test_the_package_is_this_checkouts_and_its_kernels_have_no_ports(started, checkout):
    server, *_ = started
    ((shown,),) = server.execute([WHERE], "results/notebooks")
    file, transport, place = json.loads(shown["text"])
    assert file == str(checkout / "lib" / "rollcall" / "__init__.py")
    assert transport == "ipc"
    assert not os.path.exists(os.path.dirname(place)) or (
        os.stat(os.path.dirname(place)).st_mode & 0o077 == 0
    )


@pytest.mark.parametrize("name", ["start.ipynb", "watch.ipynb", "7_paper.ipynb"])
def test_what_is_run_git_does_not_see(started, checkout, name):
    server, *_ = started
    outputs = run_all(server, name)
    kinds = {output["output_type"] for output in outputs}
    if name == "start.ipynb":
        assert kinds == {"execute_result"}
    else:  # there is no run yet
        assert "error" in kinds
        for output in outputs:
            if output["output_type"] == "error":
                assert len(output["traceback"]) == 1
    saved = json.loads((checkout / "results" / "notebooks" / name).read_text())
    assert any(cell.get("outputs") for cell in saved["cells"])
    assert git(checkout, "status", "--porcelain") == ""


def test_nor_where_the_notebooks_themselves_are_run(started, checkout):
    server, *_ = started
    assert run_all(server, "start.ipynb", "notebooks")
    assert git(checkout, "status", "--porcelain") == ""


def test_a_lesson_is_run_and_git_sees_nothing(started, checkout):
    server, *_ = started
    folder = "results/notebooks/lessons/learner"
    outputs = run_all(server, "0_was_she_in.ipynb", folder)
    assert not [output for output in outputs if output["output_type"] == "error"]
    assert git(checkout, "status", "--porcelain") == ""
    assert run_all(server, "quiz.ipynb", "notebooks/lessons/clinician")  # the one that git tracks
    assert git(checkout, "status", "--porcelain") == ""


def test_everything_is_below_the_root_of_the_file_browser(started):
    server, *_ = started
    names = {entry["name"] for entry in server.call("api/contents/")["content"]}
    assert {"README.md", "results", "notebooks"} <= names


def test_nor_what_is_run_on_a_finished_audit(checkout, finished, monkeypatch):
    """An audit's notebooks have run already, elsewhere: they wrote what they were told to.

    What trains on its own is run in tests/experiments, lessons in tests/report/lessons; that all
    of them are told where to write is tested in test_notebooks.py.
    """
    folder = finished.out.parent
    assert {path.name for path in folder.iterdir()} == {"results", "data", "stdout", "stderr"}
    for name in ("results", "data"):
        shutil.copytree(folder / name, checkout / name, dirs_exist_ok=True)
    monkeypatch.setenv("ROLLCALL_HOME", str(checkout))
    folder, _ = copies.renew_copies()
    monkeypatch.chdir(folder)
    for name, parameters in ON_A_RUN.items():
        copy = folder / f"{name}.ipynb"
        in_process.execute_notebook(copy, copy, parameters, folder)
        assert "output_type" in copy.read_text()
        assert git(checkout, "status", "--porcelain") == "", name
