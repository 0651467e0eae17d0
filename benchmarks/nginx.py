"""nginx in front of a daemon, as installers of front ends set it up: it passes all but files on.

Debian's program with a configuration of our own; its log is off, which favours it.
"""

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.clients import HOST
from benchmarks.daemon import DaemonFailed, start, stop, tail
from benchmarks.families import children
from benchmarks.process import cpu_ns
from nurseries.process.free_ports import free_port

_PATIENCE_S = 10.0
_CONFIG = """\
daemon off;
{user}
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 768; }}
http {{
    sendfile on;
    tcp_nopush on;
    types_hash_max_size 2048;
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    access_log off;
    gzip on;
    gzip_vary on;
    gzip_proxied any;
    gzip_comp_level 4;
    gzip_buffers 16 8k;
    gzip_http_version 1.1;
    gzip_types text/plain text/css text/xml text/javascript application/javascript
        application/x-javascript application/json application/xml;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    map $http_upgrade $connection_upgrade {{ default upgrade; '' close; }}
    server {{
        listen {host}:{port};
        root {root};
        index index.html;
        client_max_body_size 0;
        proxy_request_buffering off;
        location / {{ try_files $uri $uri/ /index.html; }}
        location = /index.html {{ add_header Cache-Control "no-store"; }}
        location /websocket {{
            proxy_pass http://{host}:{daemon};
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
            proxy_set_header Host $http_host;
            proxy_set_header X-Real-IP $remote_addr;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        }}
        location ~ ^/(printer|api|access|machine|server)/ {{
            proxy_pass http://{host}:{daemon}$request_uri;
        }}
    }}
}}
"""


@dataclass(frozen=True, slots=True)
class Nginx:
    """A running one."""

    process: subprocess.Popen[bytes]
    port: int

    @property
    def worker(self) -> int:
        """The process that answers."""
        return children(self.process.pid)[0]

    def cpu_ns(self) -> int:
        """Of the master and its worker."""
        return sum(map(cpu_ns, (self.process.pid, *children(self.process.pid))))


def program() -> str | None:
    """Where it is, None where it is not installed."""
    return shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


@contextlib.contextmanager
def open_nginx(folder: Path, root: Path, daemon_port: int) -> Iterator[Nginx]:
    """Serve `root` and pass on the rest; raises `DaemonFailed`."""
    port = free_port()
    text = _CONFIG.format(
        user="user root;" if os.geteuid() == 0 else "",
        folder=folder,
        host=HOST,
        port=port,
        root=root,
        daemon=daemon_port,
    )
    with run_nginx(folder, text, port) as nginx:
        yield nginx


@contextlib.contextmanager
def run_nginx(folder: Path, text: str, port: int) -> Iterator[Nginx]:
    """One with the configuration `text`, which listens on `port`; raises `DaemonFailed`."""
    found = program()
    if found is None:
        raise DaemonFailed("nginx is not installed (Debian: apt install nginx-light)")
    config, log = folder / "nginx.conf", folder / "nginx.log"
    config.write_text(text)
    process = start([found, "-c", str(config), "-p", str(folder)], log)
    try:
        limit = time.monotonic() + _PATIENCE_S
        while not children(process.pid):
            if process.poll() is not None or time.monotonic() > limit:
                raise DaemonFailed(f"nginx does not start\n{tail(log)}")
            time.sleep(0.05)
        time.sleep(0.2)  # its worker reads what it was given
        yield Nginx(process, port)
    finally:
        stop(process)
