"""Every command of the documents is run, in the order in which they stand, in one folder a document.

A block ```sh is run by bash; ```json NAME and ```csv NAME are files that the reader is told to write; a server that a
block starts is waited for and stopped at the end. `./dev WORD` is held to be a word that ./dev knows: building and
testing from within a test is the same work again. Blocks ```sh root need a machine of their own (systemd, packages):
bash reads them without running them.
"""

import os
import pathlib
import re
import socket
import subprocess

import pytest
from conftest import ROOT, Server, binary, put_places, real_places
from existing_service import Postgres, existing_service

pytestmark = pytest.mark.as_shipped
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(
    r"^\s*(sudo |[A-Z_]+=\S+ )*(ratebook|curl|\./dev|systemctl|docker|podman|apt|apt-get) ", re.MULTILINE
)

# `ratebook serve` in the foreground would stop the document there.
PRELUDE = """
set -euo pipefail
ratebook() {
  if [[ "${1:-}" != serve ]]; then command ratebook "$@"; return; fi
  served=$((served + 1))
  command ratebook "$@" >"serve-$served.log" 2>&1 &
  servers+=($!)
  for _ in $(seq 600); do
    if grep -q '^listening on' "serve-$served.log"; then return; fi
    kill -0 $! || { cat "serve-$served.log"; return 1; }
    sleep 0.1
  done
  return 1
}
served=0
servers=()
trap 'kill "${servers[@]}" 2>/dev/null || true; wait' EXIT
"""


def blocks(document: pathlib.Path) -> list[tuple[list[str], str]]:
    return [(info.split(), text) for info, text in FENCE.findall(document.read_text(encoding="utf-8"))]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def with_free_ports(text: str, ports: dict[str, int]) -> str:
    def replace(match: re.Match) -> str:
        if match[1] not in ports:
            ports[match[1]] = free_port()
        return f"127.0.0.1:{ports[match[1]]}"

    return re.sub(r"127\.0\.0\.1:(80\d\d)", replace, text)


def named(document: pathlib.Path) -> str:
    return str(document.relative_to(ROOT))


@pytest.fixture(scope="module")
def existing(tmp_path_factory):
    """The existing service and its database, for whoever moves in."""
    postgres = Postgres()
    try:
        postgres.make_existing("existing")
        with existing_service(postgres, "existing") as url:
            yield {**postgres.environment, "PGDATABASE": "existing", "EXISTING_SERVICE": url}
    finally:
        postgres.close()


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_no_command_stands_outside_of_a_block_that_is_run(document):
    for info, text in blocks(document):
        if info[:1] != ["sh"]:
            assert not COMMAND.search(text), f"{named(document)}: a block with commands begins with ```sh:\n{text}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_every_word_and_option_that_is_named_exists(document):
    text = document.read_text(encoding="utf-8")
    settings = subprocess.run([binary(), "config", "--markdown"], capture_output=True, text=True, check=True).stdout
    words_of_dev = subprocess.run([ROOT / "dev"], capture_output=True, text=True, check=True).stdout
    for word in re.findall(r"\./dev ([a-z]+)", text):
        assert re.search(rf"^  {word} ", words_of_dev, re.MULTILINE), f"./dev {word}"
    for line in re.findall(r"(?:`|^\s*|\| )ratebook ([a-z]+[^`\n|]*)", text, re.MULTILINE):
        word, *rest = line.split()
        help_text = subprocess.run([binary(), word, "--help"], capture_output=True, text=True, check=False)
        assert help_text.returncode == 0, f"ratebook {word}"
        known = help_text.stdout
        if word in ("serve", "config"):  # http.header_max is --http-header-max
            known += " ".join("--" + re.sub(r"[._]", "-", name) for name in re.findall(r"`([a-z_.]+)`", settings))
        for option in re.findall(r"(?<!\S)--[a-z-]+", " ".join(rest)):
            assert option in known or option == "--help", f"ratebook {word} {option}"


@pytest.mark.parametrize(
    "document", [each for each in DOCUMENTS if any(info[:1] == ["sh"] for info, _ in blocks(each))], ids=named
)
def test_commands_of_a_document_run(document, tmp_path, server: Server, existing):
    with server.client() as client:
        put_places(client, real_places())
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "ratebook").symlink_to(binary())
    folder = tmp_path / "reader"
    folder.mkdir()
    script = PRELUDE
    ports: dict[str, int] = {}
    for info, text in blocks(document):
        if info[:2] == ["sh", "root"]:
            subprocess.run(["bash", "-n"], input=text, text=True, check=True)
        elif info[:1] == ["sh"]:
            script += with_free_ports(re.sub(r"^\s*\./dev .*$", "", text, flags=re.MULTILINE), ports)
        elif len(info) == 2:
            (folder / info[1]).write_text(text, encoding="utf-8")
    environment = {
        **os.environ,
        **existing,
        "PATH": f"{tmp_path}/bin:{os.environ['PATH']}",
        "RATEBOOK_SERVER": server.url,
        "NO_COLOR": "1",
        # curl would ask a proxy for this machine.
        "no_proxy": "*",
    }
    ended = subprocess.run(
        ["bash", "-x"],
        input=script,
        capture_output=True,
        text=True,
        timeout=300,
        cwd=folder,
        env=environment,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-5000:]
