"""Settings from the command line's side: the file, the environment, the documents that list them."""

import json
import os
import re
import subprocess

from conftest import ROOT, binary


def run(*arguments: str, folder=None, **environment: str) -> subprocess.CompletedProcess:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RATEBOOK_")}
    return subprocess.run(
        [binary(), *arguments], capture_output=True, text=True, timeout=60, cwd=folder, env={**kept, **environment}
    )


def test_the_example_in_the_tree_is_the_one_that_the_program_prints():
    assert run("config", "--example").stdout == (ROOT / "packaging" / "ratebook.toml").read_text()


def test_the_reference_lists_every_setting():
    assert run("config", "--markdown").stdout in (ROOT / "docs" / "reference" / "settings.md").read_text()


def test_a_file_in_the_folder_is_read_and_a_variable_comes_before_it(tmp_path):
    (tmp_path / "ratebook.toml").write_text('data = "x.db"\ncores = 3\n[http]\nheader_max = "32KiB"\n')
    held = json.loads(run("config", "--json", folder=tmp_path, RATEBOOK_CORES="2").stdout)
    assert held["file"] == "ratebook.toml"
    settings = {each["key"]: (each["value"], each["from"]) for each in held["settings"]}
    assert settings["data"] == ("x.db", "ratebook.toml:1")
    assert settings["cores"] == ("2", "RATEBOOK_CORES")
    assert settings["http.header_max"] == ("32KiB", "ratebook.toml:4")
    assert settings["http.target_max"] == ("8KiB", "default")


def test_what_is_wrong_keeps_the_server_from_starting(tmp_path):
    (tmp_path / "ratebook.toml").write_text("core = 3\n[http]\nheader_max = 5\n")
    ended = run("serve", "--data", "x.db", folder=tmp_path, RATEBOOK_LISTN="127.0.0.1:0")
    assert ended.returncode == 2
    assert ended.stdout == ""
    lines = [line for line in ended.stderr.splitlines() if line.startswith("error: ")]
    assert len(lines) == 3, ended.stderr
    assert "ratebook.toml:1:1:" in lines[0] and "the nearest is cores" in lines[0]
    assert "ratebook.toml:3:1: http.header_max = 5: write bytes" in lines[1]
    assert "RATEBOOK_LISTEN" in lines[2]
    assert not (tmp_path / "x.db").exists()


def test_a_setting_of_the_file_holds_in_the_server(make_server, tmp_path):
    file = tmp_path / "small.toml"
    file.write_text('[http]\ntarget_max = "256B"\n')
    with make_server("--config", str(file)).client() as client:
        assert client.get("/livez").status_code == 200
        assert client.get("/livez?" + "x" * 300).status_code == 414


def test_every_flag_of_the_documents_is_one():
    """Documents say `--flag`: serve takes it, as it is written there."""
    flags = {each["flag"] for each in json.loads(run("config", "--json").stdout)["settings"]} | {"--config"}
    text = (ROOT / "docs" / "operating.md").read_text() + (ROOT / "docs" / "reference" / "settings.md").read_text()
    lines = [line for line in text.splitlines() if "ratebook serve" in line]
    assert lines
    for line in lines:
        used = set(re.findall(r"(?<![\w-])--[a-z-]+", line.split("ratebook serve", 1)[1]))
        assert used <= flags, line
