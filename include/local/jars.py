"""The servers' jars, fetched once from Maven Central by the Ivy that PySpark ships: no Maven needed."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from include.local.errors import JarsMissing
from include.local.jar_lock import check, holds
from include.local.java import java, trust_store_options
from include.stores.lake.s3 import is_on_s3

KAFKA_VERSION = "4.3.0"
CASSANDRA_VERSION = "5.0.8"
LOCAL_FILES_VERSION = "0.1.0"
#: Those that Hadoop 3.5.0's S3 client is built with.
AWS_SDK_VERSION, AWS_STREAMS_VERSION = "2.35.4", "1.3.1"
#: Spark's own release of it is not on Maven Central; the one class of it that is used is the same.
SPARK_CLOUD_VERSION = "4.1.2"
S3_SERVER_VERSION = "4.1.0"


_VERSION = re.compile(r"-\d.*")


@dataclass(frozen=True, slots=True)
class Bundle:
    """A jar and, unless it is to stand alone, all it depends on, in one folder."""

    name: str
    group: str
    artifact: str
    revision: str
    transitive: bool = True

    @property
    def stamp(self) -> str:
        """What the folder's stamp file must hold for the bundle to count as complete."""
        return f"{self.group}:{self.artifact}:{self.revision}"


def spark_home() -> Path:
    """Folder of the installed pyspark package, which is a Spark distribution."""
    spec = find_spec("pyspark")
    if spec is None or spec.origin is None:
        raise JarsMissing("expected pyspark in the virtual environment, found none; run `make setup`")
    return Path(spec.origin).parent


def bundles(lake: str = "") -> list[Bundle]:
    """The bundles the embedded stack needs; the Spark connector follows the installed pyspark.

    Parameters
    ----------
    lake
        URI of the lake.
    """
    return [
        *(s3_bundles() if is_on_s3(lake) else []),
        Bundle("kafka", "org.apache.kafka", "kafka_2.13", KAFKA_VERSION),
        Bundle("cassandra", "org.apache.cassandra", "cassandra-all", CASSANDRA_VERSION),
        Bundle("spark", "org.apache.spark", "spark-sql-kafka-0-10_2.13", version("pyspark")),
        # Hadoop's files of the local machine without a chmod or readlink process for each: docs/decisions/0008.
        Bundle(
            "local-files",
            "com.globalmentor",
            "hadoop-bare-naked-local-fs",
            LOCAL_FILES_VERSION,
            transitive=False,
        ),
    ]


def _hadoop() -> str:
    """Version of Hadoop that Spark ships."""
    api = next((spark_home() / "jars").glob("hadoop-client-api-*.jar"))
    return api.stem.removeprefix("hadoop-client-api-")


def hdfs_bundle() -> Bundle:
    """Name node and data node, in one jar on top of what Spark ships; for tests, so nobody else fetches it."""
    return Bundle("hdfs", "org.apache.hadoop", "hadoop-client-minicluster", _hadoop(), transitive=False)


def s3_bundles() -> list[Bundle]:
    """What Spark needs for a lake on S3.

    Hadoop names the whole of the AWS SDK as one jar of hundreds of megabytes. These are the modules it uses.
    """
    return [
        Bundle("s3a", "org.apache.hadoop", "hadoop-aws", _hadoop(), transitive=False),
        Bundle("aws-sdk", "software.amazon.awssdk", "s3-transfer-manager", AWS_SDK_VERSION),
        Bundle("aws-sts", "software.amazon.awssdk", "sts", AWS_SDK_VERSION, transitive=False),
        # Of its constants Hadoop cannot do without; the rest is not used, see services.s3.
        Bundle(
            "aws-streams",
            "software.amazon.s3.analyticsaccelerator",
            "analyticsaccelerator-s3",
            AWS_STREAMS_VERSION,
            transitive=False,
        ),
        Bundle(
            "spark-cloud",
            "org.apache.spark",
            "spark-hadoop-cloud_2.13",
            SPARK_CLOUD_VERSION,
            transitive=False,
        ),
    ]


def s3_server_bundle() -> Bundle:
    """A server that speaks S3, for tests."""
    return Bundle("s3-server", "org.gaul", "s3proxy", S3_SERVER_VERSION)


def _complete(folder: Path, bundle: Bundle) -> bool:
    stamp = folder / "COMPLETE"
    return stamp.is_file() and stamp.read_text() == bundle.stamp


def fetch(jars_dir: Path, wanted: Sequence[Bundle] | None = None) -> None:
    """Fetch what is missing, or is not what ``jars.lock`` lists; a second call fetches nothing.

    Parameters
    ----------
    wanted
        By default what the embedded stack needs.

    Raises
    ------
    JarsMissing
        When Maven Central cannot be reached; Ivy's last words are in the message.
    JarsChanged
        What came is not what ``jars.lock`` lists.
    """
    for bundle in bundles() if wanted is None else wanted:
        folder = jars_dir / bundle.name
        if _complete(folder, bundle) and holds(folder):
            continue
        print(f"Fetching the jars of {bundle.name} {bundle.revision} …", flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        _retrieve(bundle, folder)
        if bundle.name in ("spark", "aws-sdk"):
            _drop_what_spark_ships(folder)
        check(folder)
        (folder / "COMPLETE").write_text(bundle.stamp)


def _retrieve(bundle: Bundle, folder: Path) -> None:
    ivy = next((spark_home() / "jars").glob("ivy-*.jar"))
    pattern = f"{folder}/[artifact]-[revision](-[classifier]).[ext]"
    command = [
        str(java()), *trust_store_options(), "-jar", str(ivy),
        "-dependency", bundle.group, bundle.artifact, bundle.revision,
        "-confs", "default", "-types", "jar", "bundle", "-retrieve", pattern,
        *([] if bundle.transitive else ["-notransitive"]),
    ]  # fmt: skip
    for attempt in (1, 2, 3):
        out = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
        if out.returncode == 0 and "UNRESOLVED" not in out.stdout and "[FAILED" not in out.stdout:
            return
        if attempt < 3:
            print(f"  attempt {attempt} failed, trying again", file=sys.stderr)
    last_words = "\n".join((out.stdout + out.stderr).strip().splitlines()[-12:])
    raise JarsMissing(
        f"expected to fetch {bundle.stamp} from Maven Central, but Ivy failed:\n{last_words}\n"
        f"Check the network (or the proxy in JAVA_TOOL_OPTIONS) and run `make setup` again; "
        f"or put the jars into {folder} by hand with a file COMPLETE that holds {bundle.stamp!r}."
    )


def _drop_what_spark_ships(folder: Path) -> None:
    """Keep only the jars that Spark has not got: two versions on one class path would be a lottery."""
    shipped = {_artifact(path) for path in (spark_home() / "jars").glob("*.jar")}
    for path in folder.glob("*.jar"):
        # Spark has the classes of commons-logging under another name.
        if _artifact(path) in shipped or path.name.startswith(("hadoop-client", "commons-logging")):
            path.unlink()


def _artifact(jar: Path) -> str:
    return _VERSION.sub("", jar.stem)


def class_path(jars_dir: Path, name: str) -> str:
    """Class path of a bundle.

    Raises
    ------
    JarsMissing
        When the bundle has not been fetched.
    """
    bundle = next(bundle for bundle in [*bundles(), *s3_bundles()] if bundle.name == name)
    folder = jars_dir / name
    if not _complete(folder, bundle):
        raise JarsMissing(f"expected the jars of {bundle.stamp} in {folder}, found none; run `make setup`")
    return f"{folder}/*"
