"""One Spark Connect server, which every job shares: a batch pays for a query, never for a JVM."""

from __future__ import annotations

import os
import sys

from include.local.jars import class_path, spark_home
from include.local.java import ADD_OPENS, SMALL_MACHINE, java
from include.local.secrets import load_secrets
from include.local.services.base import Service, write_private
from include.settings import HOST, PROJECT

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


class SparkConnect(Service):
    """Spark with the Connect protocol, started without the shell scripts.

    ``SparkSubmit`` is called directly because its launcher insists on a module that small Java
    runtimes lack.
    """

    name = "spark"
    start_seconds = 180

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
            "spark.master": f"local[{min(2, os.cpu_count() or 2)}]",
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

    def prepare(self) -> None:
        """Write the configuration."""
        super().prepare()
        (self.folder / "tmp").mkdir(exist_ok=True)
        (self.folder / "log4j2.properties").write_text(_LOG4J)
        text = "".join(f"{key} {value}\n" for key, value in self.configuration().items())
        write_private(self.folder / "spark.conf", text)

    def command(self) -> list[str]:  # noqa: D102
        heap, jars = self.settings.memory.spark, self.settings.jars_dir
        return [
            str(java()), *ADD_OPENS, f"-Xmx{heap}M", *SMALL_MACHINE, "-XX:+ExitOnOutOfMemoryError", "-Xss4M",
            "-Djdk.reflect.useDirectMethodHandle=false", "-Dio.netty.tryReflectionSetAccessible=true",
            f"-Dlog4j2.configurationFile=file:{self.folder}/log4j2.properties",
            f"-Djava.io.tmpdir={self.folder}/tmp",
            "-cp", ":".join([f"{spark_home()}/jars/*", *(class_path(jars, name) for name in ("spark", "local-files"))]),
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
