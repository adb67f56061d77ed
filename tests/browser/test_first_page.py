"""The first page is one sheet of A4, whatever the finding, and the contents begin the second."""

import io

import pypdf
import pytest

from rollcall.report.page.gathering import FILES_SHORT
from rollcall.report.words.opening import write_opening
from tests.report.documents import make_document, write_page
from tests.report.words.test_sentences import NOBODY, find, groups

OUTCOME = {"attribute": "readmitted", "group": "within 30 days", "is_outcome": True}
OUTCOME |= {"exposed_share": 0.52}
FINDINGS = {
    "found": find(groups=groups({"group": "Native Hawaiian or Other Pacific Islander"}, OUTCOME)),
    "none": find(NOBODY, groups=groups({})),
    "control": find(control="failed", control_auc=(0.6, 0.55, 0.65)),
}
AUDITED = {
    "What": "A way of training (densenet121), not one finished model: trained 200 times, each on a "
    "random half of the patients",
    "Data": "223,414 records of 64,540 patients. CheXpert, version 1.0: chest radiographs of "
    "Stanford Hospital, 2002 to 2017; Irvin et al. 2019; research use agreement of the Stanford "
    "AIMI center. Fingerprint 0123456789abcdef.",
    "Audit begun": "30 November 2026",
    "Auditor": "Dr. Ada Muster, biostatistician, Example Hospital, ada.muster@hospital.example.org",
}
DECISION = {"outcome": "not evaluable", "appetite": {"set_by": "B. Beispiel", "date": "2026-01-15"}}
DECISION["appetite"]["role"] = "data-protection officer of the Example Hospital"
PICTURE = (
    '<figure><img width="400" alt="Picture of nothing" src="data:image/svg+xml,'
    "%3Csvg xmlns='http://www.w3.org/2000/svg' width='860' height='560'/%3E\">"
    "<figcaption>How many of 100 patients of a group can be picked out, with 95% intervals, in the "
    "groups that differ most; filled: beyond chance, beside patients with the same label "
    "(Holm-adjusted p &lt; 0.05).</figcaption></figure>"
)


@pytest.mark.parametrize("case", FINDINGS)
def test_the_first_page_is_one_sheet(visit, tmp_path, case):
    document = make_document(
        opening=write_opening(FINDINGS[case], 128, "not evaluable"),
        audited=AUDITED,
        title="Rehearsal: chexpert",
        notice="Simulated data: a rehearsal. Every patient and every value here is invented; no "
        "number below says anything about real people.",
        pictures=[PICTURE, PICTURE] if case == "found" else [],
        files=(FILES_SHORT, "Keep them."),
        decision=('<section id="decision"><h2>Decision</h2></section>', DECISION),
    )
    write_page(tmp_path / "report.html", **vars(document))
    shown = visit((tmp_path / "report.html").as_uri())
    sheets = pypdf.PdfReader(io.BytesIO(shown.pdf(prefer_css_page_size=True, format="A4"))).pages
    texts = [" ".join(sheet.extract_text().split()) for sheet in sheets]
    assert " ".join(document.opening.people.split()[-4:]) in texts[0]
    assert "Contents" in texts[1]
    assert "Who must not see which file" not in texts[1]
    for text in texts:
        assert "Simulated data: a rehearsal." in text
