"""The command line, `rollcall audit ...`: it parses, calls, prints, sets the exit status.

Whatever else is needed is imported in `main`, where a signal is one line.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys

from rollcall import __version__, commands

TYPE_CHECKING = False  # as typing's, which takes long to import
if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator


def main(words: list[str] | None = None) -> int:
    """Run a command and return its exit status.

    0; 1: something failed inside, or the machine; 2: the input is at fault; 3, 4: by stated
    thresholds the audit fails, or they cannot be judged by it; 130, 143, 129: stopped by Ctrl-C,
    SIGTERM, SIGHUP. All but 0 with one line on stderr; ROLLCALL_DEBUG=1 adds where.
    """
    words = sys.argv[1:] if words is None else words
    with _stopped_by_signals() as stops:
        try:
            _settle()
            return _run(words)
        except (Exception, KeyboardInterrupt) as error:
            error = (*stops, error)[0]  # while it loads, a library makes another error of a stop
            if os.environ.get("ROLLCALL_DEBUG"):
                import traceback

                traceback.print_exc()
            from rollcall.commands.common import say
            from rollcall.report.notebooks.failures import describe_end

            line, status = describe_end(error)
            say(f"rollcall: {line}", sys.stderr)
            _end_without_a_word()
            return status


def _end_without_a_word() -> None:
    """Let what Python prints while it ends go nowhere: why the command ended has been said.

    As where its temporary files cannot be removed, on a disk that has become read-only.
    """
    import atexit

    if not os.environ.get("ROLLCALL_DEBUG"):
        atexit.register(lambda: os.dup2(os.open(os.devnull, os.O_WRONLY), 2))


def _run(words: list[str]) -> int:
    """Run a command."""
    name = words[0] if words else ""
    command = commands.find(name) if name in commands.NAMES else None
    if command is None or not command.USES_KERNELS or "-h" in words or "--help" in words:
        arguments = _parse(name, words)
        return commands.find(arguments.command).run(arguments, None)
    from rollcall.report.notebooks import kernels
    from rollcall.util.parallel import check_limits

    check_limits()
    with kernels.start_kernel_server(sys.stderr) as server:  # ready while we import and plan
        return command.run(_parse(name, words), server)


def _parse(command: str, words: list[str]) -> argparse.Namespace:
    """Parse a command line; "~" is the home folder, as no shell makes it in --out=~/a."""
    import re

    from rollcall.util.errors import InputError

    arguments = build_parser(command).parse_args(words)
    for name, value in vars(arguments).items():
        if isinstance(value, str):
            if re.search("[\ud800-\udfff]", value):
                raise InputError(f"--{name} {value!a}: no text in this shell; set LC_ALL=C.UTF-8")
            setattr(arguments, name, os.path.expanduser(value))
    arguments.words = tuple(words)
    return arguments


def _settle() -> None:
    """Keep what the user's shell sets from changing or breaking a command."""
    import logging
    import warnings

    for number in range(3):  # else the next file that is opened would be a standard stream
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    for stream in (sys.stdout, sys.stderr):  # whose encoding may lack a character
        with contextlib.suppress(AttributeError, ValueError):
            stream.reconfigure(errors="replace")
    if os.environ.pop("PYTHONWARNINGS", None):
        warnings.resetwarnings()
        for kind in (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning):
            warnings.simplefilter("ignore", kind)
    logging.basicConfig(format="%(message)s")
    logging.getLogger("rollcall").setLevel(logging.INFO)
    logging.getLogger("papermill").setLevel(logging.CRITICAL)  # what it says, we say in one line


@contextlib.contextmanager
def _stopped_by_signals() -> Iterator[list[KeyboardInterrupt]]:
    """Let Ctrl-C, SIGTERM and SIGHUP end the block alike; further ones do not disturb its end.

    The list is of the one that came.
    """
    import threading

    before, stops = {}, []

    def stop(number: int, _) -> None:
        for each in before:
            signal.signal(each, signal.SIG_DFL if each == signal.SIGTERM else signal.SIG_IGN)
        stops.append(KeyboardInterrupt(signal.Signals(number).name))
        raise stops[0]

    if threading.current_thread() is threading.main_thread():
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)
            if number and signal.getsignal(number) is not signal.SIG_IGN:  # as nohup has it
                before[number] = signal.signal(number, stop)
    try:
        yield stops
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def build_parser(only: str | None = None) -> argparse.ArgumentParser:
    """Build the parser; its options' defaults are those of auditing.plan.

    only: the command whose options are needed; to know them takes imports. None: all of them.
    """
    from rollcall.commands.common import Help, Parser

    parser = Parser(
        prog="rollcall", description="Which patients could be picked out of a model's training set?"
    )
    parser.add_argument("--version", action="version", version=f"rollcall {__version__}")
    parsers = parser.add_subparsers(dest="command", required=True)
    for name in commands.NAMES:
        command = commands.find(name)
        options = parsers.add_parser(name, help=command.HELP, formatter_class=Help)
        if only in (None, name):
            command.add_options(options)
    return parser


if __name__ == "__main__":
    sys.exit(main())
