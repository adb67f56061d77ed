"""The likelihood-ratio attack (Carlini et al., Membership Inference Attacks From First Principles, IEEE S&P 2022).

A record's scores under the models that had it (in) and had it not (out) are two Gaussians; a target's own score is set against both.
Of K centred scores with sum of squares A, all but the score x have mean -x / (K - 1) and variance (A - x^2 K / (K - 1)) / (K - 2): one
pass over the scores gives every target the exact moments of its references. Where that difference loses digits it is not used.
"""

from __future__ import annotations

import numpy as np

from rollcall.attacks.checks import check_inputs
from rollcall.attacks.multilabel import run_multilabel_lira
from rollcall.stats.checks import check_finite
from rollcall.util.errors import InputError
from rollcall.util.parallel import make_blocks, map_blocks

CELLS = (
    2**18
)  # scores at a time: the working arrays stay in cache and memory does not grow with the records
SHARED_BELOW = 64  # with fewer references, one variance for all records beats a noisy one for each (Carlini et al., section VI)
EACH = 10  # and so it does with fewer than this many references of each kind for each label
TINY = 1e-12  # smallest variance: a record with constant scores stays finite
LOST = 1e-3  # a variance below this share of what it was subtracted from is computed anew, without the difference
FLAT = 1e-5  # and so are scores whose variance is below this share of their squared mean


def run_lira(
    scores: np.ndarray, members: np.ndarray, online: bool = True, variance: str = "auto"
) -> np.ndarray:
    """Log-likelihood ratio of each target's score under its references' in and out Gaussians. (M, N), float32 or float64 as the scores are.

    scores (M, N), or (M, N, L) of L labels, which run_multilabel_lira takes; members bool (M, N). Means and unbiased variances over the
    references that had the record and that had not. Online (algorithm 1): log N(s; in) - log N(s; out). Offline (equation 4): the z-score
    (s - mean_out) / sd_out, which is monotone in the published 1 - P[Z > s] and does not saturate.
    References are all targets but the target and its partner; where rows 2i and 2i+1 are not complementary, all but the target, whose
    null is then below 0.5 when models are few. In and out counts may differ, from record to record too.
    variance: "record" one for each record; "shared" one for each target, pooled over records; "auto" shared below 64 references, or below
    10 with a record, or without it, for each label.
    Float64 scores give the direct computation to 1e-9 of its larger term, float32 scores to about 1e-5.
    """
    scores, members, pairs = check_inputs(scores, members)
    targets, records = members.shape
    if variance == "auto":
        had, size = members.sum(0), scores[0, 0].size
        fewest = min(had.min(), targets - had.max()) - 1  # references of a kind
        variance = (
            "shared" if targets - 1 - pairs < SHARED_BELOW or fewest < EACH * size else "record"
        )
    if variance not in ("shared", "record"):
        raise InputError(f"variance {variance!r}: expected auto, record or shared")
    if scores.ndim == 3:
        return run_multilabel_lira(scores, members, pairs, online, variance)
    out, shared, numbers = np.empty(scores.shape, scores.dtype), None, np.arange(records)
    chunk = max(CELLS // targets, 1)

    def pool(
        slices,
    ):  # sums of squares about the mean of each target's references and their degrees of freedom, in and out
        store, total = np.empty((9, targets // 2 * chunk), scores.dtype), np.zeros((2, 2, targets))
        for c in slices:
            again = numbers[c]
            if pairs:
                good, found = _pooled(scores[:, c], members[0::2, c], store)
                again, total = again[~good], total + found
            if len(again):
                _, *kinds = _moments(scores[:, again], members[:, again], pairs, again)
                total += [
                    [squares.sum(1) for _, squares, _ in kinds],
                    [(n - 1).sum(1) for _, _, n in kinds],
                ]
        return total

    def attack(slices):
        store = np.empty((9, targets // 2 * chunk), scores.dtype)
        for c in slices:
            again = numbers[c]
            if pairs:
                again = again[
                    ~_pairs(scores[:, c], members[0::2, c], online, shared, out[:, c], store)
                ]
            if len(again):
                out[:, again] = _ratio(
                    scores[:, again], members[:, again], pairs, online, shared, again
                )

    if variance == "shared":
        squares, freedom = sum(map_blocks(pool, make_blocks(records, chunk)))
        shared = np.maximum(squares / freedom, TINY)
    map_blocks(attack, make_blocks(records, chunk))
    return out


def _split(scores, had, store):
    """A block's scores by kind: u with the record and v without, (K, C), one of each pair, centred; D = u - v before that; squares and their
    sums; a mask with all bits set where u is the odd target's; the spare arrays; and where the means are not so large that they cost digits.

    scores (2K, C); had (K, C) bool, of the even target; store: 9 arrays to work in."""
    k, columns = len(had), scores.shape[1]
    u, v, d, uu, vv, mask, *spare = (part[: k * columns].reshape(k, columns) for part in store)
    mask = mask.view(f"i{scores.itemsize}")
    mask[:] = had.view(np.int8)
    mask -= 1
    _swap(scores[0::2], scores[1::2], mask, spare[0], u, v)
    np.subtract(u, v, out=d)
    one = scores.dtype.type(1 / k)
    mean_in, mean_out = u.sum(0) * one, v.sum(0) * one
    u -= mean_in
    v -= mean_out
    np.multiply(u, u, out=uu)
    np.multiply(v, v, out=vv)
    a, b = uu.sum(0), vv.sum(0)
    return (
        u,
        v,
        d,
        uu,
        vv,
        a,
        b,
        mask,
        spare,
        (a > FLAT * k * mean_in**2) & (b > FLAT * k * mean_out**2),
    )


def _swap(one, two, mask, spare, first, second):
    """first, second = one, two, exchanged where the bits of mask are set: a choice by arithmetic, a tenth of the time of one by branches."""
    one, two, spare, first, second = (
        array.view(mask.dtype) for array in (one, two, spare, first, second)
    )
    np.bitwise_xor(one, two, out=spare)
    spare &= mask
    np.bitwise_xor(one, spare, out=first)
    np.bitwise_xor(two, spare, out=second)


def _pooled(scores, had, store):
    """(where no digits were lost, (C,) bool; of those records (2, 2, 2K): sums of squares and degrees of freedom, in and out,
    of each target's references)."""
    with np.errstate(over="ignore", invalid="ignore"):
        _, _, _, uu, vv, a, b, _, _, good = _split(scores, had, store)
    k, use = len(had), good.astype(scores.dtype)
    a, b = np.where(good, a, 0), np.where(good, b, 0)
    squares = [
        np.repeat(total.sum() - k / (k - 1) * (part @ use), 2) for total, part in ((a, uu), (b, vv))
    ]
    return good, np.array([squares, np.full((2, 2 * k), (k - 2) * good.sum())])


def _pairs(scores, had, online, shared, out, store):
    """Write the statistic of a block of paired targets to `out`, (2K, C). Returns where no digits were lost, (C,) bool: the rest is to be done again.

    Arguments as of _split; shared (2, 2K) in and out variances, or None. With c = K / (K - 1):
    u - mean_in = c u,   u - mean_out = c (v + D / c),   v - mean_out = c v,   v - mean_in = c (u - D / c),
    var_in = (sum(u^2) / c - u^2) c / (K - 2), and so var_out.
    """
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        u, v, d, uu, vv, a, b, mask, (p, q, t), good = _split(scores, had, store)
        k, real = len(had), scores.dtype.type
        c = k / (k - 1)
        if shared is None:
            a, b, least = a / real(c), b / real(c), TINY * (k - 2) / c
            np.subtract(a, uu, out=p)
            np.subtract(b, vv, out=q)
            for left, whole in ((p, a), (q, b)):
                if (
                    not left.min() > np.maximum(LOST * whole, least).max()
                ):  # quickly true of most blocks
                    good &= left.min(0) > np.maximum(LOST * whole, least)
            half = real(c * (k - 2) / 2)
        else:
            p, q = shared[:, ::2, None].astype(
                real
            )  # (K, 1): the two of a pair have the same references
            half = real(c * c / 2)
        np.divide(half, p, out=p)  # c^2 / (2 var_in)
        np.divide(half, q, out=q)
        d /= real(c)
        if online:
            ratio = np.divide(p, q, out=t[:, : p.shape[1]])
            np.log(ratio, out=ratio)
            ratio *= real(0.5)
            v += d
            u -= d
            for part, weight in ((v, q), (uu, p), (u, p), (vv, q)):
                if part is u or part is v:
                    part *= part
                part *= weight
            v -= uu  # the statistic of the targets that had the record
            vv -= u  # and of those that had not
            v += ratio
            vv += ratio
        else:
            q *= 2
            np.sqrt(q, out=q)
            np.multiply(v, q, out=vv)
            v += d
            v *= q
        _swap(v, vv, mask, t, out[0::2], out[1::2])
    return good


def _ratio(scores, members, pairs, online, shared, numbers):
    """The statistic of some records (M, C), the `numbers`-th, by the text-book formula in float64; shared (2, M) in and out variances, or None."""
    s, (mean_in, squares_in, n_in), (mean_out, squares_out, n_out) = _moments(
        scores, members, pairs, numbers
    )
    if shared is None:
        var_in, var_out = (
            np.maximum(squares_in / (n_in - 1), TINY),
            np.maximum(squares_out / (n_out - 1), TINY),
        )
    else:
        var_in, var_out = shared[..., None]
    if online:
        return 0.5 * (
            (s - mean_out) ** 2 / var_out - (s - mean_in) ** 2 / var_in + np.log(var_out / var_in)
        )
    return (s - mean_out) / np.sqrt(var_out)


def _moments(scores, members, pairs, numbers):
    """Scores (M, C) less the first target's, and of each target's in and of its out references the mean, the sum of squares about it
    and the count, (M, C)."""
    s = scores.astype(np.float64)
    s -= s[0].copy()
    check_finite(scores, s.sum(0), numbers)
    result = [s]
    for kind in (members, ~members):
        n = kind.sum(0)
        mean = np.where(kind, s, 0).sum(0) / n
        own = np.where(kind, s - mean, 0)
        squares = (own * own).sum(0)
        if pairs:
            own, taken = (
                (own[0::2] + own[1::2]).repeat(2, axis=0),
                np.ones(kind.shape, np.int64),
            )  # one of a pair is of this kind, the other 0
        else:
            taken = kind.astype(np.int64)
        left = squares - own * own * (n / (n - taken))
        lost = np.flatnonzero((left < LOST * squares).any(0))
        group = np.arange(len(s)) // (2 if pairs else 1)
        for target in range(len(s) if len(lost) else 0):
            references = group != group[target]
            inside, values = kind[references][:, lost], s[references][:, lost]
            about = np.where(inside, values, 0).sum(0) / inside.sum(0)
            left[target, lost] = (np.where(inside, values - about, 0) ** 2).sum(0)
        result.append((mean - own / (n - taken), left, n - taken))
    return result
