"""The report as one HTML page, complete in itself; beside it the same for programs."""

from rollcall.report.page.writing import read_frame, write_page

__all__ = ["read_frame", "write_page"]
