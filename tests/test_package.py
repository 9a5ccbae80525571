"""The Debian package, made of the build that is tested: what is in it, and that its program runs."""

import gzip
import json
import os
import pathlib
import re
import subprocess

import pytest
from conftest import ROOT, binary

pytestmark = pytest.mark.as_shipped


@pytest.fixture(scope="module")
def package(tmp_path_factory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("package")
    config = pathlib.Path(binary()).parent / "CPackConfig.cmake"
    subprocess.run(
        [
            "cpack",
            "--config",
            str(config),
            "-B",
            str(folder),
            "-D",
            "CPACK_STRIP_FILES=OFF",
            "-D",
            "CPACK_DEBIAN_COMPRESSION_TYPE=gzip",
        ],
        check=True,
        capture_output=True,
        text=True,
        timeout=300,
    )
    (made,) = folder.glob("ratebook_*.deb")
    return made


@pytest.fixture(scope="module")
def extracted(package) -> pathlib.Path:
    folder = package.parent / "root"
    subprocess.run(["dpkg-deb", "-x", str(package), str(folder)], check=True)
    return folder


def control(package: pathlib.Path, field: str) -> str:
    return subprocess.run(
        ["dpkg-deb", "-f", str(package), field], check=True, capture_output=True, text=True
    ).stdout.strip()


def test_it_names_what_it_needs_and_which_file_is_the_operators(package):
    assert re.match(r"ratebook_[0-9.]+_[a-z0-9]+\.deb$", package.name)
    depends = control(package, "Depends")
    for library in ("libc6", "libsqlite3-0", "libssl3", "libprotobuf"):
        assert library in depends
    scripts = package.parent / "control"
    subprocess.run(["dpkg-deb", "-e", str(package), str(scripts)], check=True)
    assert (scripts / "conffiles").read_text() == "/etc/ratebook/ratebook.toml\n"
    for script in ("postinst", "prerm", "postrm"):
        assert os.access(scripts / script, os.X_OK)
        subprocess.run(["sh", "-n", str(scripts / script)], check=True)


def test_its_files_stand_where_debian_has_them(extracted):
    for packed, in_tree in {
        "etc/ratebook/ratebook.toml": "packaging/ratebook.toml",
        "usr/lib/systemd/system/ratebook.service": "packaging/ratebook.service",
        "usr/lib/systemd/system/ratebook.socket": "packaging/ratebook.socket",
        "usr/share/doc/ratebook/operating.md": "docs/operating.md",
    }.items():
        assert (extracted / packed).read_bytes() == (ROOT / in_tree).read_bytes()
    service = (extracted / "usr/lib/systemd/system/ratebook.service").read_text()
    for path in re.findall(r"(?:ExecStart=|--config |file://)(/\S+)", service):
        assert (extracted / path.lstrip("/")).exists(), path


def test_the_user_of_the_service_is_made_and_reads_by_its_group(package, extracted):
    service = (extracted / "usr/lib/systemd/system/ratebook.service").read_text()
    (user,) = re.findall(r"^User=(.*)$", service, re.MULTILINE)
    scripts = package.parent / "scripts"
    subprocess.run(["dpkg-deb", "-e", str(package), str(scripts)], check=True)
    done = told_by(scripts / "postinst", "configure", "", users="")
    assert re.search(rf"^useradd --system --user-group .* {user}$", done, re.MULTILINE)
    assert f"chgrp {user} /etc/ratebook\nchmod g+s /etc/ratebook\n" in done
    assert "passwd" in control(package, "Depends").split(", ")
    upgraded = told_by(scripts / "postinst", "configure", "0.0.1", users=user)
    assert not re.search("useradd|chgrp|chmod", upgraded), "what the operator changed since would be undone"


def test_a_purge_takes_what_enable_made_and_leaves_the_data(package, extracted):
    scripts = package.parent / "scripts of a purge"
    subprocess.run(["dpkg-deb", "-e", str(package), str(scripts)], check=True)
    purged = told_by(scripts / "postrm", "purge", users="ratebook")
    for unit in ("ratebook.service", "ratebook.socket"):
        wanted_by = re.search(r"^WantedBy=(.*)$", (ROOT / "packaging" / unit).read_text(), re.MULTILINE)[1]
        assert f"/etc/systemd/system/{wanted_by}.wants/{unit}" in purged
    assert "/var/lib" not in purged
    assert "rm" not in told_by(scripts / "postrm", "remove", users="ratebook")


def told_by(script: pathlib.Path, *arguments: str, users: str) -> str:
    """What a script of the package would do to a machine that has these users."""
    stubs = f"""getent() {{ case " {users} " in *" $2 "*) echo there ;; *) return 2 ;; esac }}
                for name in useradd chgrp chmod rm systemctl deb-systemd-invoke; do
                  eval "$name() {{ echo $name \\"\\$@\\"; }}"
                done
                . "$0" """
    return subprocess.run(
        ["bash", "-c", stubs, str(script), *arguments], check=True, capture_output=True, text=True
    ).stdout


def test_what_the_program_tells_of_itself_comes_with_it(extracted):
    program = str(extracted / "usr/bin/ratebook")
    for shell, path in (("bash", "bash-completion/completions/ratebook"), ("zsh", "zsh/vendor-completions/_ratebook")):
        told = subprocess.run([program, "completion", shell], check=True, capture_output=True).stdout
        file = extracted / "usr/share" / path
        assert file.read_bytes() == told
        assert file.stat().st_mode & 0o777 == 0o644
    manual = gzip.decompress((extracted / "usr/share/man/man1/ratebook.1.gz").read_bytes()).decode()
    assert ".SH EXAMPLES" in manual
    for word in ("serve", "push", "rates", "backup"):
        assert f"\n{word}\n" in manual


def test_its_copyright_file_claims_no_more_than_the_tree(extracted):
    told = (extracted / "usr/share/doc/ratebook/copyright").read_text()
    licences = [path.name for path in ROOT.iterdir() if re.match("(?i)licen[cs]e|copying", path.name)]
    assert ("have not granted a licence" in told) == (licences == [])


def test_its_program_runs_with_its_file(extracted):
    program = str(extracted / "usr/bin/ratebook")
    assert subprocess.run([program, "version"], check=True, capture_output=True, text=True).stdout.startswith(
        "ratebook "
    )
    told = subprocess.run(
        [program, "config", "--json", "--config", str(extracted / "etc/ratebook/ratebook.toml")],
        check=True,
        capture_output=True,
        text=True,
        env={name: value for name, value in os.environ.items() if not name.startswith("RATEBOOK_")},
    )
    (data,) = (each["value"] for each in json.loads(told.stdout)["settings"] if each["key"] == "data")
    assert data == "/var/lib/ratebook/ratebook.sqlite"
