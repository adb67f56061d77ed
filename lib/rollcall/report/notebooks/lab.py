"""JupyterLab as `rollcall lab` starts it: this checkout's package, private kernels, no questions.

The server is a process of its own. What it writes for itself, its kernels' sockets and the file
with its token, lies in a private folder that goes with the command. Nothing asks the network.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from rollcall.report.notebooks.kernels import list_python_path
from rollcall.util.files import home, write_json
from rollcall.util.temporary import LONGEST_SOCKET

START = "start.ipynb"  # the page that opens
SOCKET = "/kernel-00000000-0000-0000-0000-000000000000-ipc-5"  # as jupyter_client names them
PATIENCE = 60  # seconds for the server to start
ENDING = 10  # seconds for it, and its kernels, to end
WORKSPACES = ".workspaces"  # below the notebooks: which were open, apart from other JupyterLabs
SETTINGS = {
    "@jupyterlab/apputils-extension:notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
        "doNotDisturbMode": False,
    },
    "@jupyterlab/docmanager-extension:plugin": {
        "defaultViewers": {"markdown": "Markdown Preview"},
    },
}


def list_options(folder: Path, temporary: Path, port: int, browser: bool) -> list[str]:
    """List the options that JupyterLab is started with.

    folder: of the notebooks, below home(), which is the root of its file browser. temporary: a
    private folder. browser: open one.
    """
    start = (folder / START).relative_to(home()).as_posix()
    sockets = sys.platform != "win32" and len(str(temporary) + SOCKET) <= LONGEST_SOCKET
    return [
        f"--ServerApp.root_dir={home()}",
        f"--ServerApp.port={port}",
        f"--ServerApp.open_browser={browser}",
        f"--ServerApp.allow_root={os.name == 'posix' and os.geteuid() == 0}",
        f"--LabApp.default_url=/lab/tree/{start}",
        f"--LabApp.workspaces_dir={folder / WORKSPACES}",
        "--LabApp.news_url=None",
        "--LabApp.extension_manager=readonly",
        "--ContentsManager.pre_save_hook=rollcall.report.notebooks.saving.strip_tracked",
        # ports would be open in clear text to everybody on a shared machine
        f"--KernelManager.{'transport=ipc' if sockets else 'transport_encryption=required'}",
        "--ServerApp.log_level=ERROR",
        "--LabApp.log_level=ERROR",
    ]


def make_environment(temporary: Path, token: str) -> dict[str, str]:
    """Make the environment of JupyterLab and its kernels, which import this very package.

    temporary: a private folder, of the server's own files. token: who knows it may enter.
    """
    config = temporary / "config"
    (config / "labconfig").mkdir(parents=True, exist_ok=True)
    write_json(config / "labconfig" / "default_setting_overrides.json", SETTINGS)
    paths = [str(config), *filter(None, [os.environ.get("JUPYTER_CONFIG_PATH")])]
    return os.environ | {
        "PYTHONPATH": os.pathsep.join(list_python_path()),
        "ROLLCALL_HOME": str(home()),
        "JUPYTER_RUNTIME_DIR": str(temporary),
        "JUPYTER_CONFIG_PATH": os.pathsep.join(paths),
        "JUPYTER_PREFER_ENV_PATH": "1",  # the kernel of this Python, not one of another's
        "JUPYTER_TOKEN": token,
    }


def start_server(
    folder: Path, temporary: Path, port: int = 8888, browser: bool = True
) -> tuple[subprocess.Popen, str]:
    """Start JupyterLab; return its process, and the address to open, token included.

    Options as of list_options. RuntimeError if it does not start.
    """
    token = secrets.token_hex(24)
    options = list_options(folder, temporary, port, browser)
    environment = make_environment(temporary, token)
    process = _start(options, environment)
    try:
        address = _await_address(process, temporary / f"jpserver-{process.pid}.json")
    except BaseException:
        end_server(process)
        raise
    page = next(option for option in options if "default_url" in option).partition("=/")[2]
    return process, f"{address}{page}?token={token}"


def _start(options: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-m", "jupyterlab", *options], env=environment)


def _await_address(process: subprocess.Popen, info: Path) -> str:
    """Wait for the file that a server writes once it listens, and return its address."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and process.poll() is None:
        try:
            return json.loads(info.read_text(encoding="utf-8"))["url"]
        except (OSError, ValueError, KeyError):  # not there, or not all of it
            time.sleep(0.1)
    raise RuntimeError("JupyterLab did not start; `jupyter lab` may say why")


def await_end(process: subprocess.Popen) -> int:
    """Wait until JupyterLab ends; a Ctrl-C is its own to answer, other signals end it.

    Returns its exit status.
    """
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        return process.wait()
    finally:
        signal.signal(signal.SIGINT, before)
        end_server(process)


def end_server(process: subprocess.Popen) -> None:
    """End JupyterLab and its kernels, unless it has ended."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(ENDING)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
