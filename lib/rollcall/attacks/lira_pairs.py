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

5. The exchange of step 1 once more puts the two statistics back in the places of their targets.

The differences of step 2 lose digits where a score makes up nearly all of A, and the centring does
where the mean is far larger than the spread. Such records are reported, not attacked: `lira` does
them again by the text-book formula.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

MIN_VARIANCE = 1e-12  # a record with constant scores stays finite
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
    scores: np.ndarray, even_members: np.ndarray, store: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Sum squares about the mean, and degrees of freedom, of each target's references over records.

    scores (2K, C); even_members bool (K, C), of the even targets; store from make_store.
    Returns where no digits were lost, (C,) bool, and over those records (2, 2, 2K): sums of squares
    and degrees of freedom, in and out, by target.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        block = _split(scores, even_members, store)
    k, use = len(even_members), block.good.astype(scores.dtype)
    sum_uu, sum_vv = (np.where(block.good, total, 0) for total in (block.sum_uu, block.sum_vv))
    squares = [
        np.repeat(total.sum() - k / (k - 1) * (each @ use), 2)
        for total, each in ((sum_uu, block.uu), (sum_vv, block.vv))
    ]
    return block.good, np.array([squares, np.full((2, 2 * k), (k - 2) * block.good.sum())])


def attack_block(
    scores: np.ndarray,
    even_members: np.ndarray,
    online: bool,
    shared: np.ndarray | None,
    out: np.ndarray,
    store: np.ndarray,
) -> np.ndarray:
    """Write the statistic of a block of records to `out`; return where no digits were lost.

    scores, even_members, store as pool_block takes them; out (2K, C); shared (2, 2K): in and out
    variances, one for all records, or None for one each. Returns (C,) bool: the others are to be
    done again.
    """
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        u, v, d, uu, vv, a, b, mask, (p, q, spare), good = _split(scores, even_members, store)
        k, real = len(even_members), scores.dtype.type
        c = k / (k - 1)
        if shared is None:  # p and q are first A/c - u^2 and B/c - v^2, then what step 4 calls so
            a, b, least = a / real(c), b / real(c), MIN_VARIANCE * (k - 2) / c
            np.subtract(a, uu, out=p)
            np.subtract(b, vv, out=q)
            for left, whole in ((p, a), (q, b)):
                limit = np.maximum(MIN_SHARE_LEFT * whole, least)
                if not left.min() > limit.max():  # quickly found true of most blocks
                    good &= left.min(0) > limit
            half = real(c * (k - 2) / 2)
        else:  # the two of a pair have the same references: (K, 1)
            p, q = shared[:, ::2, None].astype(real)
            half = real(c * c / 2)
        np.divide(half, p, out=p)
        np.divide(half, q, out=q)
        d /= real(c)
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
            v -= uu  # the statistic of the targets that had the record
            vv -= u  # and of those that had not
            v += log_ratio
            vv += log_ratio
        else:
            q *= 2
            np.sqrt(q, out=q)
            np.multiply(v, q, out=vv)
            v += d
            v *= q
        _exchange(v, vv, mask, spare, out[0::2], out[1::2])
    return good


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
