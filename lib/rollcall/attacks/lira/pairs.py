"""LiRA on complementary pairs of targets: a block of records in one pass, in place.

For each record, one target of every pair had it and one had not. For the K pairs k = 1 ... K let

    u_k   the score of the target that had the record, less the mean of all K such scores (mean_in)
    v_k   the score of the one that had it not, less their mean (mean_out)
    D_k   the difference of the two scores before the means were taken off
    A, B  the sums of u_k^2 and of v_k^2 over all pairs;        c = K / (K - 1)

1. Split. Scores x of even and y of odd targets become u and v by exchanging them where the odd
   target had the record. Branches are slow, bits are not: with a mask of all ones there, else 0,

       t = (x xor y) and mask,      u = x xor t,      v = y xor t

   leaves x, y where the mask is 0, and since x xor (x xor y) = y, exchanges them where it is ones.

2. Leave a pair out. The references of both targets of pair k are the other K - 1 pairs. Centred
   scores sum to 0, so the others' sum to -u_k: their mean is mean_in - u_k / (K - 1), and their sum
   of squares about it is  A - u_k^2 - (K - 1) (u_k / (K - 1))^2 = A - c u_k^2.  Hence

       var_in  = (A - c u_k^2) / (K - 2)  =  (A / c - u_k^2) c / (K - 2)
       var_out = (B - c v_k^2) / (K - 2)  =  (B / c - v_k^2) c / (K - 2)

3. Distances of a pair's two scores from the means of their references:

       in score  - mean_in   = u_k + u_k / (K - 1) = c u_k
       out score - mean_out  = c v_k
       in score  - mean_out  = D_k + (out score - mean_out)  =  D_k + c v_k  =  c (v_k + D_k / c)
       out score - mean_in   = -D_k + c u_k                  =  c (u_k - D_k / c)

4. The statistic. With p = c^2 / (2 var_in) and q = c^2 / (2 var_out):

       online,  target that had the record   q (v_k + D_k / c)^2 - p u_k^2  +  log(p / q) / 2
                target that had it not       q v_k^2 - p (u_k - D_k / c)^2  +  log(p / q) / 2
       offline, target that had the record   sqrt(2 q) (v_k + D_k / c)
                target that had it not       sqrt(2 q) v_k

5. With a prior (`prior`), nu = nu0 + K - 2 degrees of freedom, v = (nu0 s0^2 + A - c u_k^2) / nu,
   and Student's t of a distance over sqrt(v (1 + 1/(K - 1))) = sqrt(c v). Sums of squares divided
   by c are P = A / c - u_k^2 + nu0 s0^2 / c, and Q likewise. A distance c y is then t with
   t^2 = nu y^2 / P, and with h = (nu + 1) / 2

       online,  target that had the record   h_out log(1 + (v_k + D_k/c)^2 / Q)
                                             - h_in log(1 + u_k^2 / P)  +  log(Q / P) / 2
                target that had it not       h_out log(1 + v_k^2 / Q)
                                             - h_in log(1 + (u_k - D_k/c)^2 / P)  +  log(Q / P) / 2
       offline                               sqrt(nu_out / Q) times (v_k + D_k / c), and v_k

   plus the difference of what Student's densities have before their scales (`log_constant`).

6. The exchange of step 1 once more puts the two statistics back in the places of their targets.

The differences of step 2 lose digits where a score makes up nearly all of A, and the centring does
where the mean is far larger than the spread. Such records are reported, not attacked: `ratio` does
them again by the text-book formula.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import polygamma, psi

from rollcall.attacks.lira.prior import MIN_VARIANCE, Prior, log_constant

MIN_SHARE_LEFT = 1e-3  # of what was subtracted from: below, the difference is not used
MIN_SPREAD_SHARE = 1e-5  # variance over squared mean: below, centring has cost digits
ARRAYS = 9  # that a block needs to work in, each of half its scores


class Split(NamedTuple):
    """Hold a block's scores by kind, named as above; (K, C) where no other shape is given."""

    u: np.ndarray
    v: np.ndarray
    difference: np.ndarray  # D
    uu: np.ndarray  # u^2
    vv: np.ndarray  # v^2
    sum_uu: np.ndarray  # A, (C,)
    sum_vv: np.ndarray  # B, (C,)
    mask: np.ndarray  # integers: all bits set where u is the odd target's
    spare: list[np.ndarray]  # three arrays to work in
    good: np.ndarray  # (C,) bool: where centring has cost no digits


def make_store(targets: int, records: int, dtype) -> np.ndarray:
    """Return the arrays in which blocks of up to `records` records are worked on."""
    return np.empty((ARRAYS, targets // 2 * records), dtype)


def pool_block(
    scores: np.ndarray, even_members: np.ndarray, store: np.ndarray, logs: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Sum squares about the mean, and degrees of freedom, of each target's references over records.

    scores (2K, C); even_members bool (K, C), of the even targets; store from make_store.
    Returns where no digits were lost, (C,) bool, and over those records (6, 2, 2K): sums of squares
    and degrees of freedom, in and out, by target, and if `logs` those of prior.sum_logs, else 0.
    """
    k = len(even_members)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        block = _split(scores, even_members, store)
        good = block.good & _subtract_pair(block, k) if logs else block.good
        of_logs = _sum_logs(block, k, good) if logs else np.zeros((4, 2, 2 * k))
    use = good.astype(scores.dtype)
    sum_uu, sum_vv = (np.where(good, total, 0) for total in (block.sum_uu, block.sum_vv))
    squares = [
        np.repeat(total.sum() - k / (k - 1) * (each @ use), 2)
        for total, each in ((sum_uu, block.uu), (sum_vv, block.vv))
    ]
    freedom = np.full((2, 2 * k), (k - 2) * good.sum())
    return good, np.array([squares, freedom, *of_logs])


def _sum_logs(block: Split, k: int, good: np.ndarray) -> np.ndarray:
    """Sum what a prior is fitted to over the good records of a block, (4, 2, 2K).

    After _subtract_pair: the logarithms are of the first two spare arrays.
    """
    c, d, count = k / (k - 1), k - 2, good.sum()
    middle = np.log(c / d) - psi(d / 2) + np.log(d / 2)  # e less the logarithm
    sums = np.empty((4, 2, k))
    sums[2], sums[3] = polygamma(1, d / 2) * count, count
    for kind, left in enumerate(block.spare[:2]):
        left[:, ~good] = 1
        np.log(left, out=left)
        first, second = left.sum(1, dtype=np.float64), np.einsum("kc,kc->k", left, left)
        sums[0, kind] = first + middle * count
        sums[1, kind] = second + 2 * middle * first + middle**2 * count
    return sums.repeat(2, axis=2)


def attack_block(
    scores: np.ndarray,
    even_members: np.ndarray,
    online: bool,
    prior: np.ndarray | Prior | None,
    out: np.ndarray,
    store: np.ndarray,
) -> np.ndarray:
    """Write the statistic of a block of records to `out`; return where no digits were lost.

    scores, even_members, store as pool_block takes them; out (2K, C). prior: (2, 2K) in and out
    variances, one for all records; a Prior of each record's; or None for one each. Returns (C,)
    bool: the others are to be done again.
    """
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        block = _split(scores, even_members, store)
        k, real = len(even_members), scores.dtype.type
        c = k / (k - 1)
        good = block.good
        if prior is None or isinstance(prior, Prior):
            good = good & _subtract_pair(block, k)
        np.divide(block.difference, real(c), out=block.difference)
        if isinstance(prior, Prior):
            _weigh_student(block, prior, k, online)
        else:
            _weigh_normal(block, prior, k, online)
        _exchange(block.v, block.vv, block.mask, block.spare[2], out[0::2], out[1::2])
    return good


def _subtract_pair(block: Split, k: int) -> np.ndarray:
    """Set the first spare arrays to A/c - u^2, B/c - v^2; return where that cost no digits."""
    c, good = k / (k - 1), np.ones(len(block.good), bool)
    least = MIN_VARIANCE * (k - 2) / c
    for left, each, total in (
        (block.spare[0], block.uu, block.sum_uu),
        (block.spare[1], block.vv, block.sum_vv),
    ):
        whole = total / left.dtype.type(c)
        np.subtract(whole, each, out=left)
        limit = np.maximum(MIN_SHARE_LEFT * whole, least)
        if not left.min() > limit.max():  # quickly found true of most blocks
            good &= left.min(0) > limit
    return good


def _weigh_normal(block: Split, shared: np.ndarray | None, k: int, online: bool) -> None:
    """Do step 4 in place: v becomes the statistic of the targets that had the record, vv of others.

    The first two spare arrays are A/c - u^2 and B/c - v^2 if shared is None.
    """
    u, v, d, uu, vv = block.u, block.v, block.difference, block.uu, block.vv
    real, c, (p, q, spare) = u.dtype.type, k / (k - 1), block.spare
    if shared is None:
        half = real(c * (k - 2) / 2)
    else:  # the two of a pair have the same references: (K, 1)
        p, q = shared[:, ::2, None].astype(real)
        half = real(c * c / 2)
    np.divide(half, p, out=p)
    np.divide(half, q, out=q)
    if online:
        log_ratio = np.divide(p, q, out=spare[:, : p.shape[1]])
        np.log(log_ratio, out=log_ratio)
        log_ratio *= real(0.5)
        v += d
        u -= d
        v *= v
        v *= q
        uu *= p
        u *= u
        u *= p
        vv *= q
        v -= uu
        vv -= u
        v += log_ratio
        vv += log_ratio
    else:
        q *= 2
        np.sqrt(q, out=q)
        np.multiply(v, q, out=vv)
        v += d
        v *= q


def _weigh_student(block: Split, prior: Prior, k: int, online: bool) -> None:
    """Do step 5 in place, as _weigh_normal does step 4."""
    u, v, d, uu, vv = block.u, block.v, block.difference, block.uu, block.vv
    real, c, (p, q, spare) = u.dtype.type, k / (k - 1), block.spare
    freedom = prior.freedom[:, ::2, None] + (k - 2)  # (2, K, 1)
    p += (prior.squares[0, ::2, None] / c).astype(real)
    q += (prior.squares[1, ::2, None] / c).astype(real)
    if not online:
        np.divide(freedom[1].astype(real), q, out=q)
        np.sqrt(q, out=q)
        np.multiply(v, q, out=vv)
        v += d
        v *= q
        return
    h_in, h_out = ((freedom + 1) / 2).astype(real)
    constant = log_constant(freedom[0]) - log_constant(freedom[1])
    log_ratio = np.divide(q, p, out=spare)
    np.log(log_ratio, out=log_ratio)
    log_ratio *= real(0.5)
    log_ratio += constant.astype(real)
    v += d
    u -= d
    v *= v
    u *= u
    for squared, squares, h in ((v, q, h_out), (vv, q, h_out), (u, p, h_in), (uu, p, h_in)):
        squared /= squares
        squared += 1
        np.log(squared, out=squared)
        squared *= h
    v -= uu
    vv -= u
    v += log_ratio
    vv += log_ratio


def _split(scores: np.ndarray, even_members: np.ndarray, store: np.ndarray) -> Split:
    """Do step 1, and the sums. scores (2K, C); even_members (K, C) bool, of the even targets."""
    k, columns = len(even_members), scores.shape[1]
    u, v, difference, uu, vv, mask, *spare = (
        array[: k * columns].reshape(k, columns) for array in store
    )
    mask = mask.view(f"i{scores.itemsize}")
    mask[:] = even_members.view(np.int8)
    mask -= 1  # 1 -> 0, and 0 -> -1, which is all bits
    _exchange(scores[0::2], scores[1::2], mask, spare[0], u, v)
    np.subtract(u, v, out=difference)
    share = scores.dtype.type(1 / k)
    mean_in, mean_out = u.sum(0) * share, v.sum(0) * share
    u -= mean_in
    v -= mean_out
    np.multiply(u, u, out=uu)
    np.multiply(v, v, out=vv)
    a, b = uu.sum(0), vv.sum(0)
    good = (a > MIN_SPREAD_SHARE * k * mean_in**2) & (b > MIN_SPREAD_SHARE * k * mean_out**2)
    return Split(u, v, difference, uu, vv, a, b, mask, spare, good)


def _exchange(x, y, mask, spare, first, second) -> None:
    """Write x, y to first, second, exchanged where the bits of mask are set.

    A choice by arithmetic takes a tenth of the time of one by branches.
    """
    x, y, spare, first, second = (array.view(mask.dtype) for array in (x, y, spare, first, second))
    np.bitwise_xor(x, y, out=spare)
    spare &= mask
    np.bitwise_xor(x, spare, out=first)
    np.bitwise_xor(y, spare, out=second)
