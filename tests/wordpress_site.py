"""A WordPress site with the example plugin: Debian's package, a separate MariaDB server, and PHP's web server.

If a program is not installed, tests are skipped.
"""

import os
import re
import shutil
import signal
import struct
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from benchmarks.server import free_port

__all__ = ["Site", "wordpress_running"]

WORDPRESS = Path("/usr/share/wordpress")
PLUGIN = Path(__file__).parents[1] / "examples" / "wordpress"
PHP, DATABASE_SERVER, DATABASE_SETUP = PROGRAMS = ("php", "mariadbd", "mariadb-install-db")
USER, PASSWORD = "editor", "a long password for tests"
PATIENCE_S = 180.0
WORKERS = 4
CONFIG = """<?php
define( 'DB_NAME', 'wordpress' );
define( 'DB_USER', 'wordpress' );
define( 'DB_PASSWORD', '' );
define( 'DB_HOST', 'localhost:{socket}' );
define( 'DB_CHARSET', 'utf8mb4' );
define( 'DB_COLLATE', '' );
{secrets}
define( 'WP_DEFAULT_THEME', 'plain' );
define( 'WP_HTTP_BLOCK_EXTERNAL', true );
define( 'AUTOMATIC_UPDATER_DISABLED', true );
define( 'WP_DEBUG', true );
define( 'WP_DEBUG_DISPLAY', false );
define( 'WP_DEBUG_LOG', '{log}' );
$table_prefix = 'wp_';
if ( ! defined( 'ABSPATH' ) ) {{
	define( 'ABSPATH', __DIR__ . '/' );
}}
require_once ABSPATH . 'wp-settings.php';
"""
# Without these constants, the first request of each process stores secrets of its own in the database.
NAMES = [f"{name}_{part}" for name in ("AUTH", "SECURE_AUTH", "LOGGED_IN", "NONCE") for part in ("KEY", "SALT")]
SECRETS = "\n".join(f"define( '{name}', 'the {name} of the tests' );" for name in NAMES)
DATABASE = """CREATE DATABASE wordpress;
CREATE USER wordpress@localhost;
GRANT ALL ON wordpress.* TO wordpress@localhost;
"""
# A file of translations that contains only its header makes the language selectable.
HEADER = b"Language: de\n"
NO_TRANSLATIONS = struct.pack("<11I", 0x950412DE, 0, 1, 28, 36, 0, 44, 0, 44, len(HEADER), 45) + b"\0" + HEADER + b"\0"
NONCE = re.compile(r'name="_wpnonce" value="(\w+)"')


class Site:
    """A site as one user sees it. ``http`` is a client with the cookies of the user."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.plugins = folder / "site" / "wp-content" / "plugins"
        self._folder = folder
        self.http = httpx.Client(base_url=url, timeout=PATIENCE_S, follow_redirects=True)

    def install(self) -> None:
        """Install WordPress, log in, and activate the plugin."""
        user = {"user_name": USER, "admin_password": PASSWORD, "admin_password2": PASSWORD, "pw_weak": "on"}
        site = {"weblog_title": "Zeitung", "admin_email": "editor@cms.example", "blog_public": "0", "language": ""}
        self.http.post("/wp-admin/install.php?step=2", data=user | site).raise_for_status()
        self.log_in(USER, PASSWORD)
        self.rest("POST", "/wp/v2/plugins/depesche/depesche", {"status": "active"})
        self.rest("POST", "/wp/v2/users/me", {"locale": "de_DE"})

    def log_in(self, name: str, password: str) -> None:
        """Log in with the form of the site."""
        self.http.get("/wp-login.php")
        self.http.post("/wp-login.php", data={"log": name, "pwd": password})

    @contextmanager
    def logged_in(self, name: str, password: str) -> "Iterator[Site]":
        """Log in as another user, and yield the site as that user sees it."""
        other = Site(self.url, self._folder)
        with other.http:
            other.log_in(name, password)
            yield other

    def configure(self, **settings: str) -> str:
        """Submit the form under Settings → Depesche, and return the page that follows."""
        page = self.http.get("/wp-admin/options-general.php?page=depesche").text
        nonce = NONCE.search(page)
        assert nonce is not None, page
        form = {"option_page": "depesche", "action": "update", "_wpnonce": nonce[1]}
        form["_wp_http_referer"] = "/wp-admin/options-general.php?page=depesche"
        fields = {f"depesche_settings[{name}]": value for name, value in settings.items()}
        return self.http.post("/wp-admin/options.php", data=form | fields).text

    def asked(
        self, method: str, route: str, body: Mapping[str, Any] | None = None, *, nonce: str | None = None
    ) -> httpx.Response:
        """Send a request to the REST API of the site. ``route`` may have a query."""
        if nonce is None:
            found = self.http.get("/wp-admin/admin-ajax.php", params={"action": "rest-nonce"})
            nonce = found.raise_for_status().text
        url = f"/index.php?rest_route={route.replace('?', '&')}"
        return self.http.request(method, url, json=body, headers={"X-WP-Nonce": nonce})

    def rest(self, method: str, route: str, body: Mapping[str, Any] | None = None) -> Any:
        """Send a request to the REST API of the site, which must succeed, and return its result."""
        answer = self.asked(method, route, body)
        assert answer.is_success, answer.text
        return answer.json()

    def post(self, title: str, content: str, excerpt: str = "") -> int:
        """Store a post, and return its id."""
        found: int = self.rest("POST", "/wp/v2/posts", {"title": title, "content": content, "excerpt": excerpt})["id"]
        return found

    def meta(self, post: int) -> Any:
        """Return the fields of a post that the plugin has registered."""
        return self.rest("GET", f"/wp/v2/posts/{post}?context=edit")["meta"]

    def errors(self) -> str:
        """Return what PHP has reported about the plugin since the site was started."""
        log = self._folder / "debug.log"
        lines = log.read_text("utf-8").splitlines() if log.exists() else []
        return "\n".join(line for line in lines if "depesche" in line.lower())


@contextmanager
def wordpress_running(folder: Path) -> Iterator[Site]:
    """Install a site in ``folder``, yield it, and stop its servers at the end of the block.

    Skip the test if a program is not installed.
    """
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing or not WORDPRESS.exists():
        pytest.skip(f"not installed: {', '.join(missing or ['wordpress'])}")
    root, socket, log = folder / "site", folder / "db.sock", folder / "debug.log"
    shutil.copytree(WORDPRESS, root)
    (root / "wp-config.php").unlink()
    (root / "wp-config.php").write_text(CONFIG.format(socket=socket, log=log, secrets=SECRETS), "utf-8")
    content = root / "wp-content"
    shutil.copytree(PLUGIN, content / "plugins" / "depesche")
    for name, text in {"style.css": "/* Theme Name: Plain */", "index.php": "<?php wp_head(); wp_footer();"}.items():
        (content / "themes" / "plain").mkdir(parents=True, exist_ok=True)
        (content / "themes" / "plain" / name).write_text(text, "utf-8")
    (content / "languages").mkdir(exist_ok=True)
    (content / "languages" / "de_DE.mo").write_bytes(NO_TRANSLATIONS)
    with _database(folder / "db", socket), _web(root, folder) as url:
        site = Site(url, folder)
        site.install()
        yield site
        site.http.close()


@contextmanager
def _database(data: Path, socket: Path) -> Iterator[None]:
    """Run a MariaDB server that listens only on ``socket``."""
    user = [f"--user={Path.home().owner()}"]
    create = [DATABASE_SETUP, "--no-defaults", f"--datadir={data}", "--skip-test-db", *user]
    subprocess.run([*create, "--auth-root-authentication-method=normal"], check=True, capture_output=True)
    script = data / "create.sql"
    script.write_text(DATABASE, "ascii")
    own = [f"--datadir={data}", f"--socket={socket}", f"--pid-file={data}/pid", f"--init-file={script}", *user]
    # The data is lost after the test, so it need not survive a crash.
    fast = ["--skip-networking", "--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=32M"]
    fast += ["--innodb-doublewrite=0", "--performance-schema=OFF", "--innodb-log-file-size=16M"]
    with (data / "server.log").open("wb") as log:
        process = subprocess.Popen([DATABASE_SERVER, "--no-defaults", *own, *fast], stdout=log, stderr=log)
    try:
        end = time.monotonic() + PATIENCE_S
        while not socket.exists():
            assert process.poll() is None, (data / "server.log").read_text("utf-8")
            assert time.monotonic() < end
            time.sleep(0.05)
        yield
    finally:
        process.kill()
        process.wait()


@contextmanager
def _web(root: Path, folder: Path) -> Iterator[str]:
    """Run PHP's web server with several workers, and yield its URL."""
    url = f"http://127.0.0.1:{(port := free_port())}"
    options = ["-d", "max_execution_time=30", "-d", "memory_limit=256M", "-d", "sendmail_path=/bin/true"]
    options += ["-d", f"upload_tmp_dir={folder}", "-S", f"127.0.0.1:{port}", "-t", str(root)]
    with (folder / "php.log").open("wb") as log:
        # The workers do not end with the process that started them, so they get a process group of their own.
        process = subprocess.Popen(
            [PHP, *options],
            stdout=log,
            stderr=log,
            env={**os.environ, "PHP_CLI_SERVER_WORKERS": str(WORKERS)},
            start_new_session=True,
        )
    try:
        end = time.monotonic() + PATIENCE_S
        while not _answers(url):
            assert process.poll() is None, (folder / "php.log").read_text("utf-8")
            assert time.monotonic() < end
            time.sleep(0.05)
        yield url
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/license.txt", timeout=PATIENCE_S).status_code < 500
    except httpx.TransportError:
        return False
