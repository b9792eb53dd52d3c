import argparse

from ..terminal import show

SUMMARY = "Print a script that completes commands, options, hosts and ids at Tab."
EXAMPLES = """
insighta completion bash >> ~/.bashrc
insighta completion zsh > "${fpath[1]}/_insighta"
insighta completion fish > ~/.config/fish/completions/insighta.fish
"""

BASH = r"""
_insighta() {
    local word="${COMP_WORDS[COMP_CWORD]}" before="${COMP_LINE:0:COMP_POINT}" candidate words=()
    # Colons split words for bash, so scopes such as account:read are put together again.
    IFS=$' \t\n' read -r -a words <<< "$before"
    [[ "$before" == *[[:space:]] ]] && words+=("")
    local current="${words[${#words[@]}-1]}" prefix=""
    [[ "$current" == *:* && "$word" != "$current" ]] && prefix="${current%"${current##*:}"}"
    COMPREPLY=()
    while IFS=$'\t' read -r candidate _; do
        COMPREPLY+=("${candidate#"$prefix"}")
    done < <(insighta __complete -- "${words[@]:1}" 2>/dev/null)
}
complete -o nosort -F _insighta insighta
"""

ZSH = r"""
#compdef insighta
_insighta() {
    local -a candidates values
    local line
    for line in "${(@f)$(insighta __complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
        [[ -n "$line" ]] || continue
        values+=("${line%%$'\t'*}")
        candidates+=("${line/$'\t'/  }")
    done
    compadd -l -d candidates -a -- values
}
if [[ "${funcstack[1]}" == _insighta ]]; then _insighta "$@"; else compdef _insighta insighta; fi
"""

FISH = r"""
complete -c insighta -f -a "(insighta __complete -- (commandline -opc)[2..] (commandline -ct) 2>/dev/null)"
"""

SCRIPTS = {"bash": BASH, "zsh": ZSH, "fish": FISH}


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=SCRIPTS, help="the shell you use")


def run(arguments: argparse.Namespace) -> None:
    """The script asks the hidden command `__complete` at every Tab."""
    show(*SCRIPTS[arguments.shell].strip().split("\n"))
