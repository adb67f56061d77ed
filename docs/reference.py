"""Write docs/reference.md from the command line, the datasets, the models and the recipes.

`make reference` runs it; tests/test_docs.py fails where the page is not what it would write.
"""

from __future__ import annotations

import argparse
from dataclasses import MISSING, fields
from pathlib import Path

from benchmarks.__main__ import build_parser as build_benchmarks_parser
from rollcall import datasets, models, recipes
from rollcall.__main__ import build_parser
from rollcall.models.registry import KINDS
from rollcall.recipes import Recipe
from rollcall.recipes.reading import KEYS

PAGE = Path(__file__).with_name("reference.md")


def make_table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    """Return a markdown table, a line each."""
    lines = [header, ("---",) * len(header), *rows]
    return [
        f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines
    ]


def describe_options(parser: argparse.ArgumentParser) -> list[str]:
    """Return a table of a command's options: name, default, meaning."""
    rows = []
    for action in parser._actions:  # argparse has no public way to ask
        if isinstance(action, argparse._HelpAction | argparse._SubParsersAction):
            continue
        name = f"`{action.option_strings[0] if action.option_strings else action.dest}`"
        metavar = f" `{action.metavar}`" if action.metavar else ""
        default = "" if action.default in (None, "", []) else f"`{action.default}`"
        if action.required:
            default = "required"
        choices = f" ({', '.join(map(str, action.choices))})" if action.choices else ""
        meaning = (action.help or "").replace("%%", "%")  # as argparse shows it
        rows.append((name + metavar, default, meaning + choices))
    return make_table(("option", "default", "meaning"), rows) if rows else []


def subparsers(parser: argparse.ArgumentParser) -> dict[str, tuple[argparse.ArgumentParser, str]]:
    """Return each command's parser and what it is for."""
    (action,) = (a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    helps = {choice.dest: choice.help for choice in action._choices_actions}
    return {name: (command, helps[name]) for name, command in action.choices.items()}


def describe_recipe_keys() -> list[str]:
    """Return a table of the settings of a recipe; what each means stands in Recipe's docstring."""
    rows = []
    for field in fields(Recipe):
        if field.name not in KEYS:  # Rollcall's notes
            continue
        default = "required" if field.default is MISSING else f"`{field.default}`"
        if field.default_factory is not MISSING:
            default = f"`{field.default_factory()}`"
        rows.append((f"`{field.name}`", default))
    return make_table(("setting", "default"), rows)


def docstring_block(text: str) -> list[str]:
    """Return the part of Recipe's docstring that explains its settings."""
    return ["```text", *(line.removeprefix("    ") for line in text.strip().splitlines()), "```"]


def write_reference() -> str:
    """Return the whole page."""
    lines = [
        "# Reference",
        "",
        "Made by `make reference` from the code; do not edit it by hand. What `make` takes in",
        "capitals are these options: `make audit COHORT=ptb_xl TARGETS=16` is",
        "`rollcall audit --cohort ptb_xl --targets 16`.",
        "",
    ]
    for name, (parser, purpose) in subparsers(build_parser()).items():
        lines += [f"## rollcall {name}", "", f"{purpose[0].upper()}{purpose[1:]}.", ""]
        options = describe_options(parser)
        lines += [*options, ""] if options else ["It takes no options.", ""]
    lines += ["## python -m benchmarks", "", *describe_options(build_benchmarks_parser()), ""]

    lines += ["## Datasets and their options", "", "`--option KEY=VALUE`, the default here.", ""]
    rows = []
    for about in datasets.list_datasets():
        options = ", ".join(f"`{k}={v}`" for k, v in datasets.options(about.name).items())
        rows.append((f"`{about.name}`", about.title, about.access, about.licence, options))
    lines += [*make_table(("dataset", "title", "access", "licence", "options"), rows), ""]

    lines += ["## Models", "", "Parameters for an input of the shape beside.", ""]
    rows = [
        (f"`{row['name']}`", " x ".join(map(str, row["input_shape"])), f"{row['parameters']:,}")
        for row in models.list_models()
    ]
    lines += [*make_table(("model", "input", "parameters"), rows), ""]
    lines += ["Any other network: [models of your own](own-models.md).", ""]

    lines += [
        "## Recipes",
        "",
        "What a recipe of each dataset changes from the defaults below; those of `features`,",
        "`signals` and `images` are for datasets and models that have none of their own.",
        "",
    ]
    plain = {field.name: field.default for field in fields(Recipe)}
    rows = []
    for name in (*datasets.NAMES, *KINDS):
        for key, recipe in recipes.list_recipes(name).items():
            changed = ", ".join(
                f"{setting}={value}"
                for setting, value in recipe.asdict().items()
                if setting in KEYS
                and setting != "model"
                and value != plain[setting]
                and value != {}
            )
            rows.append((f"`{name}`", f"`{key}`", f"`{recipe.model}`", changed))
    lines += [*make_table(("dataset", "recipe", "model", "settings"), rows), ""]
    lines += ["### Settings of a recipe", "", *describe_recipe_keys(), ""]
    lines += [*docstring_block(Recipe.__doc__ or ""), ""]
    return "\n".join(lines)


if __name__ == "__main__":
    PAGE.write_text(write_reference(), encoding="utf-8")
