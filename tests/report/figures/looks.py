"""What any figure's text must be: legible on white, and at its line, not in a legend."""

from matplotlib.colors import to_rgb
from matplotlib.text import Text

CONTRAST = 4.5  # of text on white, by WCAG 2


def measure_contrast(colour) -> float:
    """The contrast of a colour on white."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return 1.05 / (luminance + 0.05)


def list_faint(drawing) -> list[str]:
    """Texts of a drawing that are too faint."""
    texts = [text for text in drawing.findobj(Text) if text.get_visible() and text.get_text()]
    return [text.get_text() for text in texts if measure_contrast(text.get_color()) < CONTRAST]


def has_legend(drawing) -> bool:
    return bool(drawing.legends) or any(ax.get_legend() for ax in drawing.axes)
