"""Plays the service manager: hands a listening socket over, and restarts the server under new connections."""

import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time

import pytest
from conftest import ROOT, binary
from existing_service import folder_for_sockets


class Manager:
    """What systemd does by packaging/ratebook.socket and ratebook.service (Type=notify)."""

    def __init__(self, folder):
        self.folder = folder
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self.port = self.listener.getsockname()[1]
        self.notified = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify_folder = folder_for_sockets("ratebook-notify-")
        self.notified.bind(str(self.notify_folder / "notify"))
        self.notified.settimeout(60)
        self.process = None

    def launch(
        self, count: str = "1", descriptor: int | None = None, pid: str = "$$", listen: str = "127.0.0.1:1"
    ) -> subprocess.Popen:
        fd = self.listener.fileno() if descriptor is None else descriptor
        command = [
            "bash",
            "-c",
            f'export LISTEN_PID={pid} LISTEN_FDS={count}; exec "$@" 3<&{fd}',
            "bash",
            binary(),
            "serve",
            "--data",
            str(self.folder / "r.db"),
            "--listen",
            listen,
        ]
        with open(self.folder / "log", "ab") as log:
            return subprocess.Popen(
                command,
                pass_fds=(fd,),
                stdout=log,
                stderr=log,
                env={**os.environ, "NOTIFY_SOCKET": str(self.notify_folder / "notify")},
            )

    def start(self) -> None:
        self.process = self.launch()
        assert self.notified.recv(100) == b"READY=1"

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        assert self.notified.recv(100) == b"STOPPING=1"
        assert self.process.wait(60) == 0, (self.folder / "log").read_text()
        self.process = None

    def close(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        self.listener.close()
        self.notified.close()
        shutil.rmtree(self.notify_folder)


@pytest.fixture
def manager(tmp_path):
    made = Manager(tmp_path)
    yield made
    made.close()


def ask(port: int) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", "/livez")
        return connection.getresponse().status
    finally:
        connection.close()


def test_a_restart_refuses_no_connection_and_every_one_is_answered(manager):
    manager.start()
    failures: list[str] = []
    answered = [0] * 4
    done = threading.Event()

    def ask_again_and_again(index: int) -> None:
        while not done.is_set():
            try:
                assert ask(manager.port) == 200
                answered[index] += 1
            except (OSError, http.client.HTTPException, AssertionError) as error:
                failures.append(repr(error))
            time.sleep(0.002)

    threads = [threading.Thread(target=ask_again_and_again, args=(index,)) for index in range(4)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(3):
            before = sum(answered)
            while sum(answered) < before + 20 and not failures:
                time.sleep(0.01)
            manager.stop()
            # There is no server now; whoever comes waits for the next.
            with socket.create_connection(("127.0.0.1", manager.port), timeout=60) as waiting:
                waiting.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                manager.start()
                assert waiting.recv(100).startswith(b"HTTP/1.1 200 ")
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert failures == []
    manager.stop()


def test_it_says_where_the_socket_listens(manager):
    manager.start()
    manager.stop()
    assert f"listening on http://127.0.0.1:{manager.port}" in (manager.folder / "log").read_text()


def test_a_socket_that_is_for_another_process_is_left_alone(manager):
    manager.process = manager.launch(pid="1", listen="127.0.0.1:0")
    assert manager.notified.recv(100) == b"READY=1"
    manager.stop()
    log = (manager.folder / "log").read_text()
    assert "listening on http://127.0.0.1:" in log and f"listening on http://127.0.0.1:{manager.port}" not in log


def test_a_socket_beyond_loopback_needs_to_be_meant(manager):
    with socket.create_server(("0.0.0.0", 0)) as everywhere:
        ended = manager.launch(descriptor=everywhere.fileno())
        assert ended.wait(60) == 2
    assert "--open-to-everyone" in (manager.folder / "log").read_text()


def test_a_reload_with_nothing_to_read_again_stops_nothing(manager):
    manager.start()
    manager.process.send_signal(signal.SIGHUP)
    with pytest.raises(subprocess.TimeoutExpired):
        manager.process.wait(1)
    assert ask(manager.port) == 200
    manager.stop()


def test_what_cannot_be_listened_on_is_told(manager):
    assert manager.launch(count="2").wait(60) == 2
    assert "2 sockets are handed over" in (manager.folder / "log").read_text()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        assert manager.launch(descriptor=datagrams.fileno()).wait(60) == 2
    assert "does not listen on TCP" in (manager.folder / "log").read_text()


def test_the_units_say_what_the_program_understands():
    service = (ROOT / "packaging" / "ratebook.service").read_text()
    command = re.search(r"^ExecStart=/usr/bin/ratebook serve (.*)$", service, re.MULTILINE).group(1)
    assert command == "--config /etc/ratebook/ratebook.toml"
    data = re.search(r'^data = "(.*)"$', (ROOT / "packaging" / "ratebook.toml").read_text(), re.MULTILINE).group(1)
    assert re.search(r"^ExecReload=\S*kill -HUP \$MAINPID$", service, re.MULTILINE)
    assert "StartLimitIntervalSec=0\n" in service, "given up, it would close the socket"
    assert data.startswith("/var/lib/" + re.search(r"^StateDirectory=(.*)$", service, re.MULTILINE).group(1) + "/")
