"""Text is read and written as UTF-8, whatever a user's locale or code page."""

import ast
import os
import subprocess
import sys

from rollcall.util.files import PACKAGE, clone

OPEN_BYTES = ("os", "Image", "webbrowser", "tarfile", "zipfile", "direct")  # the last: of urllib
TEXT = {"read_text": 1, "write_text": 2}  # and the place of `encoding` among the arguments


def unnamed(source: str) -> list[int]:
    """List the lines that open text without naming its encoding."""
    lines = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        names = {keyword.arg for keyword in node.keywords}
        called = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        plain = node.func.id if isinstance(node.func, ast.Name) else ""
        owner = ast.unparse(node.func.value) if isinstance(node.func, ast.Attribute) else ""
        if called in TEXT:
            opens = len(node.args) < TEXT[called]
        elif plain == "open" or called in ("fdopen", "NamedTemporaryFile", "TemporaryFile"):
            opens = not _is_binary(node, 1 if plain or called == "fdopen" else 0)
        elif called == "open" and owner not in OPEN_BYTES:
            opens = not _is_binary(node, 1 if owner in ("gzip", "bz2", "lzma", "io") else 0)
        else:
            texts = {"text", "universal_newlines"} & names
            opens = bool(texts) and called in ("run", "Popen", "check_output")
        if opens and "encoding" not in names:
            lines.append(node.lineno)
    return lines


def _is_binary(node: ast.Call, place: int) -> bool:
    """Say whether a call opens bytes, by a mode at that place among its arguments or by name."""
    modes = [keyword.value for keyword in node.keywords if keyword.arg == "mode"]
    modes += node.args[place : place + 1]
    return any(isinstance(mode, ast.Constant) and "b" in str(mode.value) for mode in modes)


def test_text_names_its_encoding():
    folders = (PACKAGE, clone() / "benchmarks", clone() / "docs")
    files = sorted(path for folder in folders for path in folder.rglob("*.py"))
    assert len(files) > 100
    wrong = {path: unnamed(path.read_text(encoding="utf-8")) for path in files}
    assert not {str(path): lines for path, lines in wrong.items() if lines}


def test_calls_without_an_encoding_are_seen():
    calls = [
        "path.read_text()",
        "path.write_text(text)",
        "open(path)",
        "open(path, 'w')",
        "path.open()",
        "path.open(mode='w')",
        "gzip.open(path, 'rt')",
        "os.fdopen(handle, 'w')",
        "subprocess.run(words, text=True)",
    ]
    assert [unnamed(call) for call in calls] == [[1]] * len(calls)
    assert not unnamed("path.read_text(encoding='utf-8'); path.read_text('utf-8')")
    assert not unnamed("path.open('rb'); open(path, 'r+b'); gzip.open(path, 'rb'); os.open(path)")
    assert not unnamed("subprocess.run(words); subprocess.run(words, text=True, encoding='utf-8')")


def test_nothing_is_read_by_the_locale(tmp_path):
    """Python itself warns of text that is opened without an encoding; in a C locale, at that."""
    code = (
        "import sys, warnings\n"
        "warnings.filterwarnings('error', category=EncodingWarning, module='rollcall')\n"
        "from rollcall import recipes\n"
        "from rollcall.auditing.doctor import has_bf16\n"
        "from rollcall.datasets import NAMES\n"
        "from rollcall.util.files import clone\n"
        "from rollcall.util.parallel import free_bytes\n"
        "assert clone() and free_bytes() and has_bf16() in (True, False)\n"
        "assert sum(len(recipes.list_recipes(name)) for name in NAMES) > 10\n"
    )
    environment = dict(os.environ, LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    words = [sys.executable, "-X", "warn_default_encoding", "-c", code]
    subprocess.run(words, env=environment, cwd=tmp_path, check=True)
