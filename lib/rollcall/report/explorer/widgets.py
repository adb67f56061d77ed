"""The explorer in a notebook: pickers, and pictures that move in the browser.

A picture's arrays are sent once; its JavaScript, in a file beside this one, draws them again at
every move, and tells the kernel where it came to rest.
"""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import anywidget
import ipywidgets
import traitlets

from rollcall.report.explorer import models, overlap, patient, threshold
from rollcall.report.explorer.opening import Listed, Opened, list_others, open_listed
from rollcall.report.explorer.view import View, find_nearest, write_command
from rollcall.util.errors import InputError

NO_OTHER = "(none)"


@cache
def _make_kind(kind: str) -> type[anywidget.AnyWidget]:
    """Make the class of the pictures that <kind>.js draws."""
    folder = Path(__file__).parent
    script = "\n".join((folder / f"{name}.js").read_text("utf-8") for name in ("shared", kind))

    class Picture(anywidget.AnyWidget):
        _esm = script
        _css = (folder / "look.css").read_text("utf-8")
        data = traitlets.Dict().tag(sync=True)
        position = traitlets.Int(0).tag(sync=True)

    return Picture


def make_picture(kind: str, data: dict, position: int = 0) -> anywidget.AnyWidget:
    """Make a picture that <kind>.js draws of `data`; what is no number becomes null."""
    return _make_kind(kind)(data=clean(data), position=position)


def make_picker(label: str, options: Sequence[str], chosen: str) -> anywidget.AnyWidget:
    """Make a choice of one of several, by position."""
    data = {"label": label, "options": list(options)}
    return make_picture("picker", data, data["options"].index(chosen))


def clean(value: Any) -> Any:
    """Return lists, dicts and numbers as a browser can read them: None for nan and infinity."""
    if isinstance(value, dict):
        return {str(key): clean(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [clean(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def write_note(words: str) -> ipywidgets.HTML:
    """Return a sentence as a widget."""
    return ipywidgets.HTML(f"<p>{html.escape(words)}</p>")


class Explorer:
    """A run that is looked at, and the widgets that show it; they follow one another.

    view: the state, which every move replaces; opened: None where no run can be explored.
    """

    def __init__(self, listed: Listed, view: View, out: str = "", data: str = ""):
        """Open the run of the view; InputError if it, or what is compared with it, is not there."""
        self.listed, self.view, self._out, self._data = listed, view, out, data
        self.opened: Opened | None = None
        self._boxes: dict[Callable, ipywidgets.VBox] = {}
        self._pictures: dict[str, anywidget.AnyWidget] = {}
        self._numbers: dict = {}
        if listed.names:
            self.opened = open_listed(listed, view.run, data)

    def choose(self) -> ipywidgets.Widget:
        """Show which runs there are, and let one be chosen."""
        if self.opened is None:
            return write_note(self.listed.describe())
        names = make_picker("Run", self.listed.names, self.view.run)
        facts = ipywidgets.VBox()

        def describe() -> None:
            words = [self.opened.describe() if self.opened else "", self.listed.describe()]
            facts.children = tuple(write_note(each) for each in words if each)

        def change(event: dict) -> None:
            self._change_run(self.listed.names[event["new"]])
            describe()

        describe()
        names.observe(change, "position")
        return ipywidgets.VBox([names, facts])

    def threshold(self) -> ipywidgets.Widget | None:
        """Show the survival curve with a threshold that moves, and the groups above it."""
        return self._show(self._make_threshold)

    def models(self) -> ipywidgets.Widget | None:
        """Show the curve as 8, 16, 32, ... models give it."""
        return self._show(self._make_models)

    def patient(self) -> ipywidgets.Widget | None:
        """Show one patient, picked by rank, where single patients may be shown."""
        return self._show(self._make_patient)

    def runs(self) -> ipywidgets.Widget | None:
        """Show two runs of the same patients, and how many of their exposed they share."""
        return self._show(self._make_runs)

    def command(self) -> ipywidgets.Widget | None:
        """Show the command that makes stills of this view."""
        return self._show(self._make_command)

    def _show(self, make: Callable[[Opened], Sequence[ipywidgets.Widget]]):
        """Return a box of what `make` makes, which is made again when the run changes."""
        if self.opened is None:
            return None
        box = self._boxes[make] = ipywidgets.VBox()
        self._fill(make)
        return box

    def _fill(self, make: Callable[[Opened], Sequence[ipywidgets.Widget]]) -> None:
        assert self.opened is not None
        try:
            self._boxes[make].children = tuple(make(self.opened))
        except InputError as error:
            self._boxes[make].children = (write_note(str(error)),)

    def _change_run(self, name: str) -> None:
        """Open another run, and make everything that is shown again."""
        try:
            self.opened = open_listed(self.listed, name, self._data)
        except InputError as error:
            for box in self._boxes.values():
                box.children = (write_note(str(error)),)
            return
        self.view = View(run=name)
        self._pictures.clear()
        for make in self._boxes:
            self._fill(make)

    def _move(self, **changes) -> None:
        """Replace the view, and tell the pictures that follow it."""
        self.view = replace(self.view, **changes)
        if "command" in self._pictures:
            self._pictures["command"].data = self._write_command()
        if "threshold" in changes and "models" in self._pictures and self.opened:
            data = models.show_models(self.opened, self._numbers, self.view.threshold)
            self._pictures["models"].data = clean(data)
        if "models" in changes:
            for name in {"models", "patient"} & set(self._pictures):
                numbers = self._pictures[name].data["numbers"]
                self._pictures[name].position = numbers.index(self.view.models)

    def _make_threshold(self, opened: Opened) -> list[ipywidgets.Widget]:
        data = threshold.show_threshold(opened)
        risks = data["steps"]["risk"]
        start = threshold.start_at(opened, self.view.threshold, risks)
        picture = self._pictures["threshold"] = make_picture("threshold", data, start)
        picture.observe(lambda change: self._move(threshold=risks[change["new"]]), "position")
        return [picture]

    def _make_models(self, opened: Opened) -> list[ipywidgets.Widget]:
        tables = self._numbers = models.count_by_models(opened)
        chosen = threshold.choose_threshold(opened, self.view.threshold)
        numbers = list(tables)
        data = models.show_models(opened, tables, chosen)
        start = find_nearest(numbers, self.view.models or numbers[-1])
        picture = self._pictures["models"] = make_picture("models", data, start)
        picture.observe(lambda change: self._move(models=numbers[change["new"]]), "position")
        return [picture]

    def _make_patient(self, opened: Opened) -> list[ipywidgets.Widget]:
        if opened.closed:
            return [write_note(opened.closed)]
        rank = ipywidgets.BoundedIntText(
            value=self.view.rank, min=1, max=len(opened.auc), description="Rank"
        )
        rank.layout.width = "180px"
        words = write_note(f"1 is the {opened.run.unit} with the highest risk. No id is shown.")
        holder = ipywidgets.VBox()

        def show(number: int) -> None:
            data = patient.show_patient(opened, number)
            numbers = data["numbers"]
            start = find_nearest(numbers, self.view.models or numbers[-1])
            picture = self._pictures["patient"] = make_picture("patient", data, start)
            picture.observe(lambda change: self._move(models=numbers[change["new"]]), "position")
            holder.children = (picture,)

        def change(event: dict) -> None:
            show(event["new"])
            self._move(rank=event["new"])

        show(rank.value)
        rank.observe(change, "value")
        top = ipywidgets.HBox([rank, words])
        top.layout.align_items = "center"
        return [top, holder]

    def _make_runs(self, opened: Opened) -> list[ipywidgets.Widget]:
        others = [NO_OTHER, *list_others(self.listed, opened)]
        if not others[1:]:
            return [write_note(overlap.explain_none(opened))]
        start = self.view.other if self.view.other in others else NO_OTHER
        names = make_picker("Beside it", others, start)
        holder = ipywidgets.VBox()

        def show(name: str) -> None:
            if name == NO_OTHER:
                holder.children = ()
                return
            try:
                second = open_listed(self.listed, name, self._data)
                pair = overlap.match_runs(opened, second)
            except InputError as error:
                holder.children = (write_note(str(error)),)
                return
            data, at = overlap.show_runs(pair, self.view.top)
            tops = data["steps"]["first"]
            picture = make_picture("runs", data, at)
            picture.observe(lambda change: self._move(top=int(tops[change["new"]])), "position")
            holder.children = (picture,)

        def change(event: dict) -> None:
            name = others[event["new"]]
            self._move(other="" if name == NO_OTHER else name, top=0)
            show(name)

        show(start)
        names.observe(change, "position")
        return [names, holder]

    def _make_command(self, opened: Opened) -> list[ipywidgets.Widget]:
        picture = self._pictures["command"] = make_picture("command", self._write_command())
        return [picture]

    def _write_command(self) -> dict:
        return {"command": write_command(self.view, self._out, self._data)}
