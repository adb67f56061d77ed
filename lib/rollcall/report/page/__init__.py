"""The report as one HTML page, complete in itself; beside it the same for programs."""

from rollcall.report.page.document import Document
from rollcall.report.page.frames import read_frame
from rollcall.report.page.writing import write_page

__all__ = ["Document", "read_frame", "write_page"]
