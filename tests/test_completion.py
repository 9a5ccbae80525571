"""Completion, tried in the shells themselves, and what every word has to have."""

import os
import re
import shutil
import subprocess

import pytest
from conftest import binary

pytestmark = pytest.mark.as_shipped


def said(*words: str) -> str:
    return subprocess.run([binary(), *words], capture_output=True, text=True, check=True, timeout=60).stdout


def words_of(*path: str) -> list[str]:
    """As help lists them."""
    text = said(*path, "--help")
    found = re.search(r"^Subcommands:\n((?:  .*\n)+)", text, re.MULTILINE)
    return re.findall(r"^  (\S+)", found[1], re.MULTILINE) if found else []


@pytest.fixture(scope="module")
def complete(tmp_path_factory):
    script = tmp_path_factory.mktemp("bash") / "ratebook"
    script.write_text(said("completion", "bash"))

    def run(*typed: str) -> list[str]:
        """What bash offers for the last of the words typed."""
        line = 'source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _ratebook; printf "%s\\n" "${COMPREPLY[@]}"'
        ended = subprocess.run(
            ["bash", "-c", line, str(script), "ratebook", *typed],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
            # bash complains of one that is not installed.
            env=os.environ | {"LC_ALL": "C.UTF-8"},
        )
        assert ended.stderr == ""
        return ended.stdout.split()

    return run


def test_bash_offers_every_word_and_option(complete):
    words = words_of()
    assert {
        "serve",
        "push",
        "rates",
        "batches",
        "retract",
        "places",
        "generate",
        "import",
        "export",
        "compare",
        "config",
        "completion",
        "version",
    } <= set(words)
    assert set(words) <= set(complete(""))
    assert complete("pu") == ["push"]
    for word in words:
        options = set(re.findall(r"^  (?:-\w,)?(--[\w-]+)", said(word, "--help"), re.MULTILINE))
        assert options and options <= set(complete(word, "--")), word
        for below in words_of(word):
            assert below in complete(word, "")
            assert "--help" in complete(word, below, "--")


def test_bash_offers_values_and_else_files(complete):
    assert complete("export", "--format", "") == ["csv", "ndjson"]
    assert sorted(complete("rates", "CNSGH", "NLRTM", "--chart", "a")) == ["always", "auto"]
    assert complete("export", "--output", "") == []  # `complete -o default` goes on with names of files
    assert "--sample" in complete("places", "--json", "put", "--")
    assert "--server" in complete("places", "put", "--s")
    assert complete("completion", "") != []


def test_zsh_reads_its_script(tmp_path):
    zsh = shutil.which("zsh")
    assert zsh, "./dev test installs zsh"
    script = tmp_path / "_ratebook"
    script.write_text(said("completion", "zsh"))
    ended = subprocess.run([zsh, "-n", str(script)], capture_output=True, text=True, check=False, timeout=60)
    assert (ended.returncode, ended.stderr) == (0, "")
    # What it would offer, without the completion system around it.
    line = """compdef() {}; compadd() { shift; print -l -- $@ }; _files() { print files }
              _describe() { print -l -- ${choices%%:*} }
              source $1; words=(ratebook "${@[2,-1]}"); CURRENT=$#words; _ratebook"""

    def offered(*typed: str) -> list[str]:
        return subprocess.run(
            [zsh, "-f", "-c", line, "zsh", str(script), *typed], capture_output=True, text=True, check=True, timeout=60
        ).stdout.split()

    assert set(words_of()) <= set(offered(""))
    assert offered("export", "--format", "") == ["csv", "ndjson"]
    assert offered("export", "--output", "") == ["files"]
    assert "--sample" in offered("places", "put", "")


def test_zsh_offers_words_from_the_first_time_that_it_loads_its_installed_file(tmp_path):
    (tmp_path / "_ratebook").write_text(said("completion", "zsh"))
    line = """_describe() { print -l -- ${choices%%:*} }; _files() { print files }
              fpath=($1 $fpath); autoload -Uz _ratebook; words=(ratebook ""); CURRENT=2; _ratebook"""
    offered = subprocess.run(
        [shutil.which("zsh"), "-f", "-c", line, "zsh", str(tmp_path)], capture_output=True, text=True, timeout=60
    )
    assert offered.stderr == ""
    assert set(words_of()) <= set(offered.stdout.split())


def test_every_word_has_examples_and_exit_codes_are_told():
    for word in words_of():
        if word != "version":
            assert re.search(r"^Examples?:\n  ", said(word, "--help"), re.MULTILINE), word
    assert "Exit codes:" in said("--help")
