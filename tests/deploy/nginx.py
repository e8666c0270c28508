"""Debian's nginx on a free port, with the configuration that compose.scaled.yaml gives it."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from benchmarks.servers import free_port

CONFIGURATION: Final = Path(__file__).parents[2] / "deploy" / "nginx.conf"
NGINX: Final = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
needs_nginx: Final = pytest.mark.skipif(NGINX is None, reason="no nginx here (Debian: apt-get install nginx-light)")
WHOLE: Final = """\
daemon off;
pid {folder}/pid;
error_log {folder}/error.log;
events {{}}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
{server}
}}
"""


def configuration(ports: Mapping[str, int], port: int) -> str:
    """The shipped one, but for where it listens and where the processes do. Asserts that it has these places."""
    text = CONFIGURATION.read_text(encoding="utf-8")
    text, count = re.subn(r"listen 8080;", f"listen 127.0.0.1:{port};", text)
    assert count == 1
    for replica, where in ports.items():
        text, count = re.subn(rf"\b{replica}:8501;", f"127.0.0.1:{where};", text)
        assert count == 1
    return text


@contextmanager
def proxy(folder: Path, ports: Mapping[str, int]) -> Iterator[str]:
    """The address of an nginx in front of the processes, given as the ports by their path."""
    assert NGINX is not None
    port = free_port()
    path = folder / "nginx.conf"
    path.write_text(WHOLE.format(folder=folder, server=configuration(ports, port)), encoding="utf-8")
    running = subprocess.Popen([NGINX, "-p", folder, "-e", folder / "error.log", "-c", path])
    try:
        while True:
            assert running.poll() is None, (folder / "error.log").read_text()
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        running.terminate()
        running.wait(20)
