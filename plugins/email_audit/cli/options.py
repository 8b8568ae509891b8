"""Options that several sub-commands share."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

_Function = TypeVar("_Function", bound=Callable[..., Any])

EXISTING_PATH = click.Path(exists=True, path_type=Path)
PATH = click.Path(path_type=Path)


def workspace_option(function: _Function) -> _Function:
    """Add --out, the workspace."""
    return click.option(
        "--out",
        "workspace",
        type=PATH,
        required=True,
        envvar="EMAIL_AUDIT_WORKSPACE",
        metavar="WORKSPACE",
        help="The audit's workspace folder.",
    )(function)


def json_option(function: _Function) -> _Function:
    """Add --json."""
    return click.option(
        "--json",
        "as_json",
        is_flag=True,
        help="One JSON object a line and nothing else on standard output.",
    )(function)


def model_option(function: _Function) -> _Function:
    """Add --model."""
    return click.option(
        "--model", help="spaCy pipeline: installed package or folder [default: en_email_audit]."
    )(function)


def default_processes() -> int:
    """Give the number of processors this process may use, four at most."""
    return max(1, min(4, len(os.sched_getaffinity(0))))
