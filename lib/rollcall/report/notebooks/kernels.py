"""Kernels of this very Python, reached by Unix sockets in a private folder.

Their ports would be open in clear text to everyone on a shared machine.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import IO, TextIO

from rollcall.util.files import PACKAGE, home
from rollcall.util.temporary import private_folder

# Imported once for all kernels of a server: what their start, and most notebooks, would import.
MODULES = (
    "rollcall.auditing",
    "ipykernel.kernelapp",
    "ipykernel.debugger",
    "matplotlib.pyplot",
    "matplotlib.backends.backend_pdf",
)
INLINE = "module://matplotlib_inline.backend_inline"  # a kernel's own choice, in time for imports
# What a user's shell, or a job's, sets for other programs and would change or break a notebook.
FOREIGN = ("PYTHONSTARTUP", "PYTHONWARNINGS", "PYTHONIOENCODING", "PYTHONINSPECT", "PYTHONOPTIMIZE")
LONGEST_ANSWER = 100  # bytes
MESSAGES, LONGEST_MESSAGE = "messages", 200  # a file, and characters of a line of it
# The current folder is no place to import from: a kernel stands elsewhere.
SERVE = (
    "import socket, sys; sys.path = [folder for folder in sys.path if folder]; "
    "from rollcall.report.notebooks.server import serve; "
    "serve(socket.socket(fileno=int(sys.argv[1])), sys.argv[2:])"
)


@dataclass(frozen=True)
class KernelServer:
    """A process that has imported what notebooks need, and forks a kernel for each of them.

    temporary: the folder of all their temporary files.
    """

    connection: socket.socket
    temporary: Path

    def fork_kernel(self, arguments: list[str], cwd: str, temporary: str) -> ForkedKernel:
        """Fork a kernel; the one before must have ended. OSError if the server cannot.

        temporary: the folder of its temporary files.
        """
        request = {"arguments": arguments, "cwd": cwd, "temporary": temporary}
        self.connection.send(json.dumps(request).encode())
        answer = json.loads(self.connection.recv(LONGEST_ANSWER) or "{}")
        if "pid" not in answer:  # the server is gone, or the kernel was at once
            raise ConnectionResetError("no kernel was forked")
        return ForkedKernel(self.connection, answer["pid"])


@dataclass
class ForkedKernel:
    """The process of a kernel; what jupyter_client needs of a subprocess.Popen."""

    connection: socket.socket
    pid: int
    returncode: int | None = None
    stdin = stdout = stderr = None

    def poll(self) -> int | None:
        """Return the exit code; None while the kernel runs."""
        with contextlib.suppress(BlockingIOError):
            self._receive(socket.MSG_DONTWAIT)
        return self.returncode

    def wait(self) -> int | None:
        """Wait for the kernel's end; return its exit code."""
        self._receive()
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless the kernel has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def _receive(self, flags: int = 0) -> None:
        if self.returncode is None:
            try:
                answer = self.connection.recv(LONGEST_ANSWER, flags)
            except ConnectionResetError:
                answer = b""
            # no answer: the server is gone, and its kernels go with it
            self.returncode = json.loads(answer)["exit"] if answer else -signal.SIGKILL


@contextlib.contextmanager
def start_kernel_server(stream: TextIO | None = None) -> Iterator[KernelServer | None]:
    """Start a server of kernels, which gets ready in the background; at the end, end it.

    stream: as of execute_notebook. None where a process with libraries loaded cannot be forked:
    kernels are started afresh there, as they are when the server has died.
    """
    if sys.platform != "linux":
        yield None
        return
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with private_folder() as temporary, ours:
        with theirs, open_messages(temporary) as messages:
            process = subprocess.Popen(
                [
                    sys.executable,
                    "-Xfrozen_modules=off",
                    "-c",
                    SERVE,
                    str(theirs.fileno()),
                    *MODULES,
                ],
                stdin=subprocess.DEVNULL,
                stderr=messages,
                cwd=temporary,  # a matplotlibrc where the user stands would count
                env=make_environment(stream, temporary),
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        try:
            yield KernelServer(ours, temporary)
        finally:
            process.kill()
            process.wait()


def make_kernel_class(
    temporary: Path, stream: TextIO | None, server: KernelServer | None = None, first: str = ""
) -> tuple[type, Callable[[], int | None]]:
    """Make the class of a kernel that is reached by Unix sockets in the folder `temporary`.

    Where a system has none, it is reached by encrypted ports. Its temporary files are there too,
    and its profile, so that no user's start-up files run. server: forks it; None: it is started
    afresh. first: code to run before any cell, out of the notebook's sight. Also returns a function
    that says how the kernel has ended, as subprocess does; None: it runs, or none was started.
    """
    from ipykernel.kernelspec import get_kernel_dict
    from jupyter_client.kernelspec import KernelSpec
    from jupyter_client.manager import AsyncKernelManager
    from jupyter_client.provisioning.local_provisioner import LocalProvisioner

    extra = ["--log-level=CRITICAL"]  # else "KeyboardInterrupt caught" at some shutdowns
    if first:
        extra.append(f"--IPKernelApp.exec_lines={[first]}")
    started = []

    class Kernel(AsyncKernelManager):
        def __init__(self, **options):
            super().__init__(**options)
            self.connection_file = os.path.join(temporary, "kernel.json")
            if hasattr(socket, "AF_UNIX"):
                self.transport, self.ip = "ipc", os.path.join(temporary, "kernel")
            elif self.has_trait("transport_encryption"):
                self.transport_encryption = "required"

        @property
        def kernel_spec(self):  # not whichever Python a python3 kernel was once installed for
            return KernelSpec(**get_kernel_dict())

        async def start_kernel(self, **options):
            self.provisioner = Provisioner(parent=self, kernel_spec=self.kernel_spec)
            options["extra_arguments"] = [*options.get("extra_arguments", []), *extra]
            options["env"] = make_environment(stream, temporary)
            with open_messages(temporary) as messages:
                return await super().start_kernel(stderr=messages, **options)

    class Provisioner(LocalProvisioner):
        async def launch_kernel(self, cmd, **options):
            arguments = cmd[cmd.index("ipykernel_launcher") + 1 :]
            try:
                if server is None:
                    raise ConnectionResetError("nobody forks")
                cwd = options.get("cwd") or os.getcwd()
                self.process = server.fork_kernel(arguments, cwd, str(temporary))
                self.pid = self.pgid = self.process.pid
            except OSError:
                await super().launch_kernel(cmd, **options)
            started.append(self.process)
            return self.connection_info

    return Kernel, lambda: started[-1].poll() if started else None


@contextlib.contextmanager
def open_messages(temporary: Path) -> Iterator[IO | None]:
    """Open the file of what kernels say past the notebook; None, their parent's, for who debugs."""
    if os.environ.get("ROLLCALL_DEBUG"):
        yield None
        return
    with open(temporary / MESSAGES, "ab") as file:
        yield file


def last_message(*folders: Path) -> str:
    """Return the last line that kernels have said, in the first of these folders that has one."""
    for folder in folders:
        with contextlib.suppress(OSError):
            lines = (folder / MESSAGES).read_text(encoding="utf-8", errors="replace").splitlines()
            if line := next(filter(None, map(str.strip, reversed(lines))), ""):
                return line[:LONGEST_MESSAGE]
    return ""


def make_environment(stream: TextIO | None, temporary: Path) -> dict[str, str]:
    """Make the environment of a kernel, which runs in another folder than this process.

    temporary: the folder of its temporary files, which a kernel that is killed leaves, and of its
    IPython profile. Settings of the user's for IPython and matplotlib do not count.
    """
    matplotlib = find_spec("matplotlib")
    settings = Path((matplotlib and matplotlib.origin) or "").with_name("mpl-data") / "matplotlibrc"
    return {
        **{name: value for name, value in os.environ.items() if name not in FOREIGN},
        "PYTHONPATH": os.pathsep.join(list_python_path()),
        "PYTHONUTF8": "1",
        "MATPLOTLIBRC": str(settings),
        "MPLBACKEND": INLINE,
        "IPYTHONDIR": str(temporary / "ipython"),
        "TMPDIR": str(temporary),
        "ROLLCALL_HOME": str(home()),
        "ROLLCALL_PLAIN_PROGRESS": "1",
        "TQDM_MININTERVAL": "0.5" if is_terminal(stream) else "30",
    }


def list_python_path() -> list[str]:
    """List PYTHONPATH's folders as absolute paths, Rollcall's first unless Python knows it."""
    folders = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    folders = [os.path.abspath(folder) for folder in folders if folder]
    library = str(PACKAGE.parent)
    if library in (sysconfig.get_path("purelib"), sysconfig.get_path("platlib")):
        return folders
    return [library, *folders]


def is_terminal(stream: TextIO | None) -> bool:
    """Tell whether somebody watches the stream in a terminal."""
    return stream is not None and stream.isatty()
