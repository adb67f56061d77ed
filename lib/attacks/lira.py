"""The likelihood-ratio attack (Carlini et al., Membership Inference Attacks From First Principles, IEEE S&P 2022)."""

from __future__ import annotations

import numpy as np

from lib.errors import InputError
from lib.members import check_scores

CHUNK = 4096          # records at a time: the working arrays stay in cache and memory does not grow with the records
SHARED_BELOW = 64     # with fewer references, one variance for all records beats a noisy one for each (Carlini et al., section VI)
TINY = 1e-12          # smallest variance: a record with constant scores stays finite


def lira(scores: np.ndarray, members: np.ndarray, online: bool = True, variance: str = "auto") -> np.ndarray:
    """Log-likelihood ratio of each target's score under its references' in and out Gaussians. (M, N) float32.

    scores (M, N), members bool (M, N). Means and unbiased variances over the references that had the record (in) and that had not
    (out), the target's pair left out. Online (algorithm 1): log N(s; in) - log N(s; out). Offline (equation 4): the z-score
    (s - mean_out) / sd_out, which is monotone in the published 1 - P[Z > s] and does not saturate.
    variance: "record" one for each record; "shared" pooled over records; "auto" shared below 64 references.
    """
    scores, members = check_scores(scores, members)
    targets, records = scores.shape
    if variance == "auto":
        variance = "shared" if targets - 2 < SHARED_BELOW else "record"
    if variance not in ("shared", "record"):
        raise InputError(f"variance {variance!r}: expected auto, record or shared")
    chunks = [slice(start, min(start + CHUNK, records)) for start in range(0, records, CHUNK)]
    shared = None
    if variance == "shared":
        within = np.zeros((2, targets))
        for chunk in chunks:
            for kind, (_, squares, _) in enumerate(_moments(scores[:, chunk], members[:, chunk])[1:]):
                within[kind] += squares.sum(1)
        shared = np.maximum(within / ((targets // 2 - 2) * records), TINY)
    out = np.empty(scores.shape, np.float32)
    for chunk in chunks:
        s, (mean_in, ss_in, n_in), (mean_out, ss_out, n_out) = _moments(scores[:, chunk], members[:, chunk])
        if shared is None:
            var_in, var_out = np.maximum(ss_in / (n_in - 1), TINY), np.maximum(ss_out / (n_out - 1), TINY)
        else:
            var_in, var_out = shared[0][:, None], shared[1][:, None]
        if online:
            out[:, chunk] = 0.5 * ((s - mean_out) ** 2 / var_out - (s - mean_in) ** 2 / var_in + np.log(var_out / var_in))
        else:
            out[:, chunk] = (s - mean_out) / np.sqrt(var_out)
    return out


def _moments(scores, members):
    """Centred scores, then for in and out: mean, sum of squares about it and count over each target's references, (M, C) each."""
    s = scores.astype(np.float64)
    s -= s.mean(0)  # centred by record, so that differences of sums lose no digits
    n = len(s) // 2 - 1  # complementary pairs: every target has as many in as out references
    result = [s]
    for kind in (members, ~members):
        value = np.where(kind, s, 0.0)
        total, squares = value.sum(0), (value * value).sum(0)
        pair = (value[0::2] + value[1::2]).repeat(2, axis=0)  # the one of the pair that counts here; the other is zero
        mean = (total - pair) / n
        result.append((mean, np.maximum(squares - pair * pair - n * mean * mean, 0.0), n))
    return result
