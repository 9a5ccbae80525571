"""nginx, as Debian 12 ships it and tuned, with one worker: our server has one core, too."""

import os
import shutil

from common import FOLDER, Server, free_port, pinned

# /etc/nginx/nginx.conf and sites-available/default, with other paths and another port.
SITE = """
  server {{
    listen 127.0.0.1:{port} default_server;
    root {root};
    server_name _;
    location / {{ try_files $uri $uri/ =404; }}
  }}
}}
"""
SHIPPED = """
{user}
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
daemon off;
events {{ worker_connections 768; }}
http {{
  sendfile on;
  tcp_nopush on;
  types_hash_max_size 2048;
  include /etc/nginx/mime.types;
  default_type application/octet-stream;
  access_log {folder}/access.log;
  gzip on;
  client_body_temp_path {folder}/temporary; proxy_temp_path {folder}/temporary; fastcgi_temp_path {folder}/temporary;
  uwsgi_temp_path {folder}/temporary; scgi_temp_path {folder}/temporary;
"""
TUNED = SHIPPED.replace(
    "access_log {folder}/access.log;",
    "access_log off; open_file_cache max=100 inactive=1h; open_file_cache_valid 1h; keepalive_requests 100000000;",
)


def nginx(name, template, body):
    """Serves `body` as /rates from core 0."""
    folder = FOLDER / name
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "temporary").mkdir(parents=True)
    (folder / "static").mkdir()
    (folder / "static" / "rates").write_bytes(body)
    port = free_port()
    user = "user root;" if os.geteuid() == 0 else ""
    text = template.format(folder=folder, user=user) + SITE.format(port=port, root=folder / "static")
    (folder / "nginx.conf").write_text(text)
    binary = shutil.which("nginx") or "/usr/sbin/nginx"
    return Server(name, [*pinned(0), binary, "-p", str(folder), "-c", str(folder / "nginx.conf")], port)
