"""Faults at random instants of every stage of an audit, and damage to every file it leaves.

    python -m tests.faults [--trials 300] [--seed 0] [--stage attack] [--fault full]
    python -m tests.faults damage [--trials 400] [--seed 0]

process   a command: its processes, its output, the marks it passes
ground    the small file system it works on, which is filled, shrunk and made read-only
stages    what is disturbed: which command, from which state, between which marks
faults    what is done to it
messages  what it may say then
outcome   what the next, undisturbed, run of the same command must leave
bench     reference runs, made once, and trials
damage    one file of a finished run is damaged, and everything is read
"""
