import argparse
import os

from ..terminal import show
from ..words import SHARE

SUMMARY = "Print a script that completes commands, options, hosts and ids at Tab."
EXAMPLES = """
insighta completion bash >> ~/.bashrc
insighta completion zsh > "${fpath[1]}/_insighta"
insighta completion fish > ~/.config/fish/completions/insighta.fish
"""
# Each shell looks for the script under this name, so an installation puts it where shells look.
FILES = {"bash": "insighta", "zsh": "_insighta", "fish": "insighta.fish"}


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=FILES, help="the shell you use")


def run(arguments: argparse.Namespace) -> None:
    """The script asks the hidden command `__complete` at every Tab."""
    with open(os.path.join(SHARE, "completions", FILES[arguments.shell]), encoding="utf-8") as file:
        show(*file.read().splitlines())
