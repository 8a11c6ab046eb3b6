"""One Spark Connect server, which every job shares: a batch pays for a query, never for a JVM.

In a cluster its executors are on two workers of a standalone master.
"""

from __future__ import annotations

import os
import sys

from include.local.jars import class_path, s3_bundles, spark_home
from include.local.java import ADD_OPENS, SMALL_MACHINE, java
from include.local.secrets import load_secrets
from include.local.services.base import Service, write_private
from include.local.services.s3 import s3_configuration
from include.settings import HOST, PROJECT, SPARK_WORKERS, Settings
from include.stores.lake.s3 import is_on_s3

_CHECKPOINTS = "org.apache.spark.sql.execution.streaming.checkpointing"
_LOG4J = """rootLogger.level = warn
rootLogger.appenderRef.out.ref = OUT
appender.out.type = Console
appender.out.name = OUT
appender.out.layout.type = PatternLayout
# A group of our own is meant: only one run at a time reads the topic.
logger.kafka.name = org.apache.spark.sql.kafka010.KafkaSourceProvider
logger.kafka.level = error
appender.out.layout.pattern = %d %-5p %c{1}: %m%n%ex
"""


#: Heap of an executor: one a worker.
EXECUTOR_MEMORY_MB = 640


def master_url(settings: Settings) -> str:
    """Address of the standalone master."""
    return f"spark://{HOST}:{settings.ports.spark_master}"


def _extra_jars(settings: Settings) -> str:
    """Class path of what Spark does not ship."""
    names = ["spark", "local-files", *(bundle.name for bundle in s3_bundles() if is_on_s3(settings.lake))]
    return ":".join(class_path(settings.jars_dir, name) for name in names)


class SparkConnect(Service):
    """Spark with the Connect protocol, started without the shell scripts.

    ``SparkSubmit`` is called directly because its launcher insists on a module that small Java
    runtimes lack.
    """

    name = "spark"
    start_seconds = 180

    def __init__(self, settings: Settings) -> None:
        if settings.is_cluster:
            self.needs = (
                "spark-master",
                *(f"spark-worker-{number}" for number in range(1, SPARK_WORKERS + 1)),
            )
        super().__init__(settings)

    @property
    def ports(self) -> dict[str, int]:  # noqa: D102
        return {"spark_connect": self.settings.ports.spark_connect}

    def configuration(self) -> dict[str, str]:
        """Spark's settings. Few partitions: a batch of seconds is small."""
        token = {"spark.connect.authenticate.token": load_secrets(self.settings.stack_dir).spark}
        # Hadoop gives its files rights of its own, whatever the umask.
        private = {"spark.hadoop.fs.permissions.umask-mode": "077"}
        return {
            **(token | private if self.settings.is_secure else {}),
            # What plans and logs never show: Spark's default, and Kafka's way to write a login.
            "spark.redaction.regex": "(?i)secret|password|token|access[.]?key|jaas",
            **self._where_tasks_run(),
            "spark.app.name": "tidewatch",
            "spark.driver.bindAddress": HOST,
            "spark.driver.host": HOST,
            "spark.connect.grpc.binding.address": HOST,
            "spark.connect.grpc.binding.port": str(self.settings.ports.spark_connect),
            "spark.ui.enabled": "false",
            "spark.sql.shuffle.partitions": "2",
            "spark.sql.streaming.noDataMicroBatches.enabled": "false",
            "spark.sql.streaming.minBatchesToRetain": "1000",
            # On local files Hadoop starts a process for every chmod and readlink, thirty a Spark run. This file
            # system asks the JVM instead; the default checkpoint manager would go round it.
            "spark.hadoop.fs.file.impl": "com.globalmentor.apache.hadoop.fs.BareLocalFileSystem",
            "spark.sql.streaming.checkpointFileManagerClass": f"{_CHECKPOINTS}.FileSystemBasedCheckpointFileManager",
            **(s3_configuration(os.environ, self.folder / "tmp") if is_on_s3(self.settings.lake) else {}),
            "spark.sql.session.timeZone": "UTC",
            "spark.sql.parquet.compression.codec": "zstd",
            "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
            "spark.hadoop.mapreduce.fileoutputcommitter.marksuccessfuljobs": "false",
            "spark.python.worker.reuse": "true",
            "spark.python.worker.faulthandler.enabled": "true",
            "spark.sql.execution.arrow.maxRecordsPerBatch": "100000",
            "spark.cleaner.periodicGC.interval": "10min",
            "spark.local.dir": str(self.folder / "tmp"),
            "spark.sql.warehouse.dir": str(self.folder / "warehouse"),
        }

    def _where_tasks_run(self) -> dict[str, str]:
        if not self.settings.is_cluster:
            return {"spark.master": f"local[{min(2, os.cpu_count() or 2)}]"}
        return {
            "spark.master": master_url(self.settings),
            "spark.executor.cores": "1",
            "spark.executor.memory": f"{EXECUTOR_MEMORY_MB}m",
            "spark.executor.extraClassPath": _extra_jars(self.settings),
            "spark.executor.extraJavaOptions": " ".join([*ADD_OPENS, *SMALL_MACHINE]),
            "spark.pyspark.python": sys.executable,
            "spark.executorEnv.PYTHONPATH": str(PROJECT),
            "spark.executorEnv.OMP_NUM_THREADS": "1",
        }

    def prepare(self) -> None:
        """Write the configuration."""
        super().prepare()
        (self.folder / "tmp").mkdir(exist_ok=True)
        (self.folder / "log4j2.properties").write_text(_LOG4J)
        text = "".join(f"{key} {value}\n" for key, value in self.configuration().items())
        write_private(self.folder / "spark.conf", text)

    def command(self) -> list[str]:  # noqa: D102
        heap = self.settings.memory.spark
        return [
            str(java()), *ADD_OPENS, f"-Xmx{heap}M", *SMALL_MACHINE, "-XX:+ExitOnOutOfMemoryError", "-Xss4M",
            "-Djdk.reflect.useDirectMethodHandle=false", "-Dio.netty.tryReflectionSetAccessible=true",
            f"-Dlog4j2.configurationFile=file:{self.folder}/log4j2.properties",
            f"-Djava.io.tmpdir={self.folder}/tmp",
            "-cp", f"{spark_home()}/jars/*:{_extra_jars(self.settings)}",
            "org.apache.spark.deploy.SparkSubmit",
            "--properties-file", str(self.folder / "spark.conf"),
            "--class", "org.apache.spark.sql.connect.service.SparkConnectServer", "spark-internal",
        ]  # fmt: skip

    def environment(self) -> dict[str, str]:  # noqa: D102
        return {
            "SPARK_HOME": str(spark_home()),
            "PYSPARK_PYTHON": sys.executable,
            "PYTHONPATH": str(PROJECT),
            # One thread a Python worker: the workers are the parallelism.
            "OMP_NUM_THREADS": "1",
        }


class _Standalone(Service):
    """A part of a standalone cluster; its page of HTML is on a port nobody is told of, on the loopback interface."""

    start_seconds = 90

    def _java(self, heap_mb: int, main: str, *arguments: str) -> list[str]:
        return [
            str(java()), *ADD_OPENS, f"-Xmx{heap_mb}M", *SMALL_MACHINE, "-XX:+ExitOnOutOfMemoryError",
            f"-Dlog4j2.configurationFile=file:{self.folder}/log4j2.properties",
            f"-Djava.io.tmpdir={self.folder}/tmp", "-cp", f"{spark_home()}/jars/*", main, *arguments,
        ]  # fmt: skip

    def prepare(self) -> None:
        """Write the logging configuration."""
        super().prepare()
        (self.folder / "tmp").mkdir(exist_ok=True)
        (self.folder / "log4j2.properties").write_text(_LOG4J)

    def environment(self) -> dict[str, str]:
        return {
            "SPARK_HOME": str(spark_home()),
            "SPARK_LOCAL_IP": self.host,
            "JAVA_HOME": str(java().parent.parent),
            "SPARK_SCALA_VERSION": "2.13",
        }


class SparkMaster(_Standalone):
    """Gives the workers' cores to applications."""

    name = "spark-master"

    @property
    def ports(self) -> dict[str, int]:  # noqa: D102
        return {"spark_master": self.settings.ports.spark_master}

    def command(self) -> list[str]:  # noqa: D102
        port = str(self.settings.ports.spark_master)
        return self._java(
            256,
            "org.apache.spark.deploy.master.Master",
            "--host",
            self.host,
            "--port",
            port,
            "--webui-port",
            "0",
        )


class SparkWorker(_Standalone):
    """Starts executors."""

    needs = ("spark-master",)

    def __init__(self, settings: Settings, number: int) -> None:
        self.name = f"spark-worker-{number}"
        self._number = number
        super().__init__(settings)

    @property
    def host(self) -> str:  # noqa: D102
        return self.settings.hosts[self._number]

    @property
    def ports(self) -> dict[str, int]:  # noqa: D102
        return {"spark_worker": self.settings.ports.spark_worker}

    def command(self) -> list[str]:  # noqa: D102
        return self._java(
            192, "org.apache.spark.deploy.worker.Worker", "--host", self.host,
            "--port", str(self.settings.ports.spark_worker), "--webui-port", "0", "--cores", "1",
            "--memory", f"{EXECUTOR_MEMORY_MB + 64}M", "--work-dir", str(self.folder / "work"),
            master_url(self.settings),
        )  # fmt: skip
