"""Runs an image's command as Kubernetes is asked to: its user, a read-only root, no capability, /tmp alone to write."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from container.buildah import Config

PATIENCE_S = 60.0
# $1 is the root file system, the rest is the command. The shell has mounts of its own, which end with it.
ENTER = """
root=$1; shift
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount -t tmpfs -o nosuid,nodev,mode=0755 tmpfs "$root/dev"
for name in null zero random urandom; do
  touch "$root/dev/$name"
  mount --bind "/dev/$name" "$root/dev/$name"
done
mount -t tmpfs -o nosuid,nodev,mode=1777,size=256m tmpfs "$root/tmp"
mount -o remount,bind,ro "$root"
exec chroot "$root" "$@"
"""


@dataclass(frozen=True, slots=True)
class Running:
    """A process that runs confined."""

    process: subprocess.Popen[bytes]

    @property
    def status(self) -> dict[str, str]:
        """What the kernel says of it (proc(5), /proc/pid/status): user, groups, capabilities, memory."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text("utf-8").splitlines()
        return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}

    def refusal(self, path: str) -> str:
        """Why not even root can make a file at ``path`` in there; empty: it could."""
        name = Path(f"/proc/{self.process.pid}/root{path}")
        try:
            name.touch(exist_ok=False)
        except OSError as error:
            return os.strerror(error.errno or 0)
        name.unlink()
        return ""

    def stop(self, name: str) -> int:
        """Send the signal, and wait for the exit code."""
        self.process.send_signal(signal.Signals[name])
        return self.process.wait(PATIENCE_S)


@contextmanager
def running(root: Path, config: Config, environment: dict[str, str], log: Path) -> Iterator[Running]:
    """The image's command, with ``environment`` over its own, writing to ``log``; killed at the end."""
    with log.open("wb") as output:
        process = subprocess.Popen(_command(root, config, environment, config.command), stdout=output, stderr=output)
    try:
        yield Running(process)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def health(root: Path, config: Config, environment: dict[str, str]) -> int:
    """The exit code of the image's health check, run beside its command."""
    return subprocess.run(
        _command(root, config, environment, config.health), check=False, timeout=PATIENCE_S
    ).returncode


def _command(root: Path, config: Config, environment: dict[str, str], command: list[str]) -> list[str]:
    """Every step replaces the one before, so that signals reach the image's own process."""
    user, _, group = config.user.partition(":")
    ids = [f"--reuid={user}", f"--regid={group}", "--clear-groups"]
    powers = ["--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"]
    variables = [f"{key}={value}" for key, value in {**config.environment, **environment}.items()]
    inside = ["/usr/bin/setpriv", *ids, *powers, "/usr/bin/env", "--ignore-environment", f"--chdir={config.folder}"]
    return ["unshare", "--mount", "sh", "-euc", ENTER, "enter", str(root), *inside, *variables, *command]
