"""A learner's desk: one JupyterLab window in which lessons are opened one after another.

What a learner does, by the keys and clicks a learner has: cells are numbered as in the notebook.
"""

from __future__ import annotations

from dataclasses import dataclass

from playwright.sync_api import Locator, Page

SECONDS = 120  # for all cells of a lesson, on a busy machine
PANEL = ".jp-NotebookPanel:visible"
AT = {"x": 2, "y": 2}  # of an output, where no link is
# The kernel of the notebook in sight is idle and no cell of it waits, some times in a row.
DONE = """(times) => {
    const panels = [...document.querySelectorAll('.jp-NotebookPanel')]
    const panel = panels.find((each) => each.offsetParent)
    const idle = panel.querySelector('.jp-Notebook-ExecutionIndicator').dataset.status === 'idle'
    const prompts = [...panel.querySelectorAll('.jp-InputArea-prompt')]
    const waits = prompts.some((prompt) => prompt.innerText.includes('*'))
    window.timesDone = idle && !waits ? (window.timesDone ?? 0) + 1 : 0
    return window.timesDone >= times
}"""
# The number before a cell's output is there, and another one than before.
ANEW = """([number, before]) => {
    const panels = [...document.querySelectorAll('.jp-NotebookPanel')]
    const cell = panels.find((each) => each.offsetParent).querySelectorAll('.jp-Cell')[number]
    const prompt = cell.querySelector('.jp-OutputPrompt')?.textContent
    return Boolean(prompt) && prompt !== before
}"""
# The picture below a slider is another one than when this was asked before.
NEW_PICTURE = """(box) => {
    const image = box.querySelector('img')
    const fresh = image !== null && image.src !== window.lastPicture
    window.lastPicture = image?.src
    return fresh
}"""


@dataclass(frozen=True)
class Desk:
    """The window; the address of the folder of notebooks, and the token to enter with."""

    page: Page
    address: str
    token: str

    def open(self, folder: str, name: str) -> None:
        """Open a notebook: from the list of files if it shows its folder, else by its address."""
        place = f'[title*="Name: {name}"][title*="/{folder}\\a Created"]'  # \\a is the line's end
        file = self.page.locator(f".jp-DirListing-item{place}")
        if file.count():
            file.dblclick()
        else:
            self.page.goto(f"{self.address}/{folder}/{name}?token={self.token}&reset")
        self.page.get_by_role("tab", name=name).wait_for()
        self.page.locator(f"{PANEL} .jp-Notebook").wait_for()
        self.page.get_by_text("(ipykernel) | Idle").wait_for()  # before, cells would be lost

    def close(self) -> None:
        """Close the notebook in sight, unsaved, and end its kernel."""
        self.page.get_by_role("menubar").get_by_text("File", exact=True).click()
        self.page.get_by_text("Close and Shut Down").click()
        self.page.locator(".jp-Dialog .jp-mod-accept").click()
        self.page.locator(PANEL).wait_for(state="detached")

    def run_all(self) -> None:
        """Run all cells by the menu, and wait for the last one."""
        self.page.get_by_role("menubar").get_by_text("Run", exact=True).click()
        self.page.get_by_text("Run All Cells", exact=True).click()
        self.page.wait_for_selector("[data-status=busy]", state="attached")
        self.page.wait_for_function(DONE, arg=5, timeout=1000 * SECONDS, polling=200)

    def cell(self, number: int) -> Locator:
        """Return a cell by its place in the notebook."""
        return self.page.locator(f"{PANEL} .jp-Cell").nth(number)

    def said(self, number: int) -> str:
        """Return the text of a cell's first output, "" if it has none."""
        outputs = self.cell(number).locator(".jp-OutputArea-output")
        return outputs.first.text_content().strip() if outputs.count() else ""

    def prompt(self, number: int) -> str:
        """Return the number before a cell's output, as "[7]:"."""
        prompts = self.cell(number).locator(".jp-OutputPrompt")
        return prompts.first.text_content() if prompts.count() else ""

    def type(self, number: int, typed: str) -> None:
        """Type into a cell in place of what is there."""
        self.cell(number).locator(".cm-content").click()
        self.page.keyboard.press("Control+a")
        self.page.keyboard.insert_text(typed.strip())

    def answer(self, number: int, typed: str) -> str:
        """Type into an exercise's cell in place of what is there, run it and the next cell.

        Returns what the next cell says.
        """
        before = self.prompt(number + 1)
        self.type(number, typed)
        self.page.keyboard.press("Shift+Enter")
        self.page.keyboard.press("Shift+Enter")
        self.page.wait_for_function(ANEW, arg=[number + 1, before], polling=100)
        return self.said(number + 1)

    def slide(self, slider: Locator) -> list[str]:
        """Move a slider by the keyboard to each of its values, of which each has a new picture.

        Returns what is written below the pictures.
        """
        box = slider.locator("xpath=ancestor::*[contains(@class, 'widget-vbox')][1]")
        steps, said = int(float(slider.get_attribute("aria-valuemax"))), []
        at_first = float(slider.get_attribute("aria-valuenow")) == 0
        slider.focus()
        for key in (
            ("End", *["ArrowLeft"] * steps) if at_first else ("Home", *["ArrowRight"] * steps)
        ):
            self.page.keyboard.press(key)
            self.page.wait_for_function(NEW_PICTURE, arg=box.element_handle(), polling=50)
            said.append(box.locator("figcaption").inner_text())
        return said

    def run(self, number: int) -> str:
        """Run one cell that has run before, and return what it says now."""
        before = self.prompt(number)
        self.cell(number).locator(".jp-OutputArea-output").first.click(position=AT)
        self.page.keyboard.press("Control+Enter")
        self.page.wait_for_function(ANEW, arg=[number, before], polling=100)
        return self.said(number)

    def count_hidden(self) -> int:
        """Count the cells whose code is folded away."""
        return self.page.locator(f"{PANEL} .jp-CodeCell .jp-InputPlaceholder").count()

    def errors(self) -> list[str]:
        """List what cells have raised, or written to the stream of errors."""
        kinds = ("error", "stderr")
        found = [f"{PANEL} [data-mime-type='application/vnd.jupyter.{kind}']" for kind in kinds]
        return self.page.locator(", ".join(found)).all_text_contents()

    def look(self, path) -> None:
        """Keep a picture of the whole notebook, from its first line to its last."""
        size = self.page.viewport_size
        last = self.page.locator(f"{PANEL} .jp-Cell").last
        self.page.evaluate("document.activeElement.blur()")
        for _ in range(2):  # cells out of sight have guessed heights
            box, top = last.bounding_box(), self.cell(0).bounding_box()
            height = round(box["y"] + box["height"] - top["y"]) + 200
            self.page.set_viewport_size({"width": size["width"], "height": min(height, 16000)})
            self.page.evaluate("document.querySelectorAll('.jp-WindowedPanel-outer')"
                               ".forEach((each) => { each.scrollTop = 0 })")  # fmt: skip
            self.page.wait_for_timeout(300)
        self.page.screenshot(path=path)
        self.page.set_viewport_size(size)
