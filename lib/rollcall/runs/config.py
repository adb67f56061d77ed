"""What run.json says: read, checked, written with a checksum."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rollcall.runs.sealed import compute_digest, read_sealed, write_sealed
from rollcall.stats.design import MIN_OF_A_KIND
from rollcall.util.errors import InputError, first_line

NAME = "run.json"
# What decides a run, which never changes; a target that was trained for one is of no other.
IDENTITY = ("cohort", "fingerprint", "records", "patients", "recipe", "seed", "scores")
KINDS = {
    "cohort": str,
    "fingerprint": str,
    "records": int,
    "patients": int,
    "targets": int,
    "seed": int,
    "scores": str,
    "versions": dict,
    "hardware": dict,
    "started": str,
}
KINDS_IF_THERE = {
    "recipe": dict,
    "unit": str,
    "simulated": bool,
    "smallest_cell": int,
    "finished": (str, type(None)),
    "precision": str,
    "sources": dict,
    "network": dict,
    "privacy": dict,
    "contents": dict,
    "design": dict,
    "appetite": (dict, type(None)),
    "judged_by": list,
    "budget": (dict, type(None)),
}
LEAST = {"records": 1, "patients": 1, "targets": 2 * MIN_OF_A_KIND, "seed": 0, "smallest_cell": 1}


def read_config(folder: Path) -> dict:
    """Return what a run's run.json says; InputError if there is none, or it is damaged."""
    path = folder / NAME
    try:
        config = read_sealed(path)
        _check_shape(config)
    except FileNotFoundError as error:
        if not any((folder / name).exists() for name in ("members.npy", "made")):
            raise InputError(
                f"{path}: there is no such run; train first, with `rollcall audit`"
            ) from error
        raise _make_damaged(path, "it is gone") from error
    except (OSError, ValueError) as error:
        raise _make_damaged(path, first_line(error)) from error
    return config


def _make_damaged(path: Path, reason: str) -> InputError:
    return InputError(
        f"{path}: not a readable run ({reason}); put a copy of this file back, or choose another "
        "--run (or --out) and audit again"
    )


def write_config(folder: Path, config: dict) -> None:
    """Write run.json, whole or not at all; the caller holds the lock of the run."""
    write_sealed(folder / NAME, config)


def digest_identity(config: dict) -> str:
    """Return the digest of what decides a run, which each of its targets carries."""
    return compute_digest({key: config.get(key) for key in IDENTITY})


def check_info(info: dict, target: int, config: dict, needed: Sequence[str]) -> None:
    """Raise ValueError unless a target's json is of this target of this run, and has the keys."""
    if info.get("target") != target or not isinstance(info.get("sha256"), str):
        raise ValueError(f"it is not of target {target}")
    if info.get("run", trained_for := digest_identity(config)) != trained_for:
        raise ValueError("it is of another run")
    if lost := [key for key in needed if key not in info]:
        raise ValueError(f"it has no {lost[0]!r}")
    if not isinstance(info.get("metrics", {}), dict):
        raise ValueError("its metrics have no names")


def _check_shape(config: dict) -> None:
    """ValueError, naming the key, if something is missing or of another kind."""
    for key, kind in (KINDS | KINDS_IF_THERE).items():
        if key not in config:
            if key in KINDS:
                raise ValueError(f"it has no {key!r}")
            continue
        value = config[key]
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise ValueError(f"its {key} is {value!r:.80}")
        if key in LEAST and value < LEAST[key]:
            raise ValueError(f"its {key} is {value!r}; expected at least {LEAST[key]}")
    if config["targets"] % 2 and config.get("design", {}).get("kind", "pairs") == "pairs":
        raise ValueError(f"its targets are {config['targets']}; expected an even number")
    if not {"cores", "machine"} <= set(config["hardware"]):
        raise ValueError("its hardware lacks 'cores' or 'machine'")
