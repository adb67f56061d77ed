"""The process that forks kernels: what notebooks import is imported once, and no more than once.

`kernels.start_kernel_server` starts it. A kernel is a fork of the state after the imports, so
notebooks share modules as they were when imported, and nothing else.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import tempfile
from collections.abc import Sequence
from importlib import import_module

LONGEST_REQUEST = 65536  # bytes


def serve(connection: socket.socket, modules: Sequence[str]) -> None:
    """Import modules, then fork a kernel for each request; return when the other end is closed.

    A request is {"arguments": of the kernel, "cwd": its folder, "temporary": that of its temporary
    files and profile}. The answer is {"pid": of its process}, and when that has ended {"exit":
    code}. One kernel at a time. Each returns from here too, when it is shut down.
    """
    for name in modules:
        with contextlib.suppress(ImportError):  # whoever needs it will say what is missing
            import_module(name)

    def report_end(*_) -> None:
        _, status = os.waitpid(-1, 0)
        with contextlib.suppress(OSError):  # nobody is there any more
            answer = {"exit": os.waitstatus_to_exitcode(status)}
            connection.send(json.dumps(answer).encode())

    signal.signal(signal.SIGCHLD, report_end)
    server = os.getpid()
    while request := connection.recv(LONGEST_REQUEST):
        if not os.fork():
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.setsid()  # as other kernels have: signals to it and its children reach nobody else
            connection.send(json.dumps({"pid": os.getpid()}).encode())
            connection.close()
            return _become_kernel(server, **json.loads(request))
    return None


def _become_kernel(server: int, arguments: list[str], cwd: str, temporary: str) -> None:
    """Be a kernel until it is shut down, or until the process `server` is gone."""
    from ipykernel.kernelapp import IPKernelApp

    os.chdir(cwd)
    profile = os.path.join(temporary, "ipython")
    os.environ |= {"JPY_PARENT_PID": str(server), "TMPDIR": temporary, "IPYTHONDIR": profile}
    tempfile.tempdir = None  # whatever was chosen while modules were imported
    app = IPKernelApp.instance(parent_handle=server)
    app.initialize(arguments)
    app.start()
