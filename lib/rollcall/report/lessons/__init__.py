"""The course: what the notebooks in notebooks/lessons call. Numpy, scipy, pandas, matplotlib."""

from __future__ import annotations

from rollcall.report.lessons.asking import Lesson, open_lesson
from rollcall.report.lessons.clinic.counting import (
    auc_over_models,
    maximum_by_patient,
    name_patients,
    redraw,
    sum_by_patient,
)
from rollcall.report.lessons.clinic.models import (
    accuracy,
    draw_units,
    fit,
    score,
    train,
    train_on,
)
from rollcall.report.lessons.clinic.networks import train_networks
from rollcall.report.lessons.clinic.noise import (
    find_epsilon,
    find_noise,
    measure_lengths,
    release,
    scale_units,
    train_on_sums,
)
from rollcall.report.lessons.clinic.parts import keep_patients, resize
from rollcall.report.lessons.clinic.patients import Clinic, open_clinic
from rollcall.report.lessons.clinic.people import People, open_people
from rollcall.report.lessons.pictures import (
    draw_curves,
    draw_films,
    draw_heights,
    draw_in_out,
    draw_points,
    draw_shares,
)
from rollcall.report.lessons.quiz import ask_quiz, compare_quiz
from rollcall.report.lessons.saying import judge_sentence, show_report
from rollcall.report.lessons.showing import show, slide, tabulate

__all__ = [
    "Clinic",
    "Lesson",
    "People",
    "accuracy",
    "ask_quiz",
    "auc_over_models",
    "compare_quiz",
    "draw_curves",
    "draw_films",
    "draw_heights",
    "draw_in_out",
    "draw_points",
    "draw_shares",
    "draw_units",
    "find_epsilon",
    "find_noise",
    "fit",
    "judge_sentence",
    "keep_patients",
    "maximum_by_patient",
    "measure_lengths",
    "name_patients",
    "open_clinic",
    "open_lesson",
    "open_people",
    "redraw",
    "release",
    "resize",
    "scale_units",
    "score",
    "show",
    "show_report",
    "slide",
    "sum_by_patient",
    "tabulate",
    "train",
    "train_networks",
    "train_on",
    "train_on_sums",
]
