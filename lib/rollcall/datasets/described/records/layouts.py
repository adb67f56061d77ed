"""What a recording is, as its header says: channels, units, rates and lengths."""

from __future__ import annotations

from dataclasses import dataclass

MAX_SAMPLES = 50_000_000  # that are read of one recording


@dataclass(frozen=True)
class Layout:
    """One recording, before its samples are read.

    leads    names of its channels; (): the file has none
    units    of each channel; "" where the file says none
    rates    Hz of each channel; 0: the file does not say
    samples  number of samples of each channel
    dtype    that its samples have on disk, where that is what they mean; else ""
    """

    leads: tuple[str, ...]
    units: tuple[str, ...]
    rates: tuple[float, ...]
    samples: tuple[int, ...]
    dtype: str = ""

    def find(self, leads: tuple[str, ...]) -> list[int]:
        """Return the positions of channels by name, whatever their capitals; ValueError."""
        known = [name.casefold() for name in self.leads]
        for name in leads:
            count = known.count(name.casefold())
            if count != 1:
                raise ValueError(
                    f"has {count or 'no'} channel{'s' if count > 1 else ''} {name!r:.42} "
                    f"(it has: {', '.join(self.leads)[:120]})"
                )
        return [known.index(name.casefold()) for name in leads]
