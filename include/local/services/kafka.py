"""Kafka in KRaft mode: each process is broker and controller."""

from __future__ import annotations

import subprocess

from include.local.certificates import Certificates
from include.local.clients import kafka_password
from include.local.errors import ServiceFailed
from include.local.jars import class_path
from include.local.java import SMALL_MACHINE, java
from include.local.services.base import Node, write_private

_LOGIN = "org.apache.kafka.common.security.scram.ScramLoginModule required"
_LOG4J = """Configuration:
  Appenders:
    Console:
      name: OUT
      PatternLayout:
        pattern: "%d %-5p %c{1} %m%n"
  Loggers:
    Root:
      level: WARN
      AppenderRef:
        - ref: OUT
"""


class Kafka(Node):
    """The messaging layer between the bank and the processing."""

    name = "kafka"

    @property
    def ports(self) -> dict[str, int]:  # noqa: D102
        return {"kafka": self.settings.ports.kafka, "kafka_controller": self.settings.ports.kafka_controller}

    def prepare(self) -> None:
        """Write the configuration and format the storage the first time."""
        super().prepare()
        ports, hosts, here = self.settings.ports, self.settings.hosts, self.host
        voters = ",".join(f"{node}@{host}:{ports.kafka_controller}" for node, host in enumerate(hosts, 1))
        copies = len(hosts)
        most = max(1, copies - 1)  # of the copies, those that must have a record: one broker may be away
        config = {
            "process.roles": "broker,controller",
            "node.id": self.node,
            "controller.quorum.voters": voters,
            "listeners": f"PLAINTEXT://{here}:{ports.kafka},CONTROLLER://{here}:{ports.kafka_controller}",
            "advertised.listeners": f"PLAINTEXT://{here}:{ports.kafka}",
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
            "log.dirs": self.folder / "data",
            # Topics are created with their settings by initialize_stores, never by a typing error.
            "auto.create.topics.enable": "false",
            "offsets.topic.num.partitions": 4,
            "default.replication.factor": copies,
            "min.insync.replicas": most,
            "offsets.topic.replication.factor": copies,
            "share.coordinator.state.topic.num.partitions": 1,
            "share.coordinator.state.topic.replication.factor": copies,
            "transaction.state.log.num.partitions": 4,
            "transaction.state.log.replication.factor": copies,
            "transaction.state.log.min.isr": most,
            "group.initial.rebalance.delay.ms": 0,
            "log.message.timestamp.type": "LogAppendTime",
            "num.network.threads": 2,
            "num.io.threads": 4,
        }
        if self.settings.is_secure:
            config |= self._security()
        text = "".join(f"{key}={value}\n" for key, value in config.items())
        write_private(self.folder / "server.properties", text)
        (self.folder / "log4j2.yaml").write_text(_LOG4J)
        if not (self.folder / "data" / "meta.properties").exists():
            self._format()

    def _security(self) -> dict[str, object]:
        """Clients prove themselves by SCRAM over TLS, the controller by its certificate; the rest is refused."""
        ports, certificates = self.settings.ports, Certificates(self.settings.stack_dir)
        login = f'{_LOGIN} username="broker" password="{kafka_password(self.settings, "broker")}";'
        return {
            "listeners": f"SASL_SSL://{self.host}:{ports.kafka},CONTROLLER://{self.host}:{ports.kafka_controller}",
            "advertised.listeners": f"SASL_SSL://{self.host}:{ports.kafka}",
            "listener.security.protocol.map": "CONTROLLER:SSL,SASL_SSL:SASL_SSL",
            "inter.broker.listener.name": "SASL_SSL",
            "sasl.enabled.mechanisms": "SCRAM-SHA-512",
            "sasl.mechanism.inter.broker.protocol": "SCRAM-SHA-512",
            "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": login,
            "listener.name.controller.ssl.client.auth": "required",
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": certificates.of("kafka").both,
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": certificates.authority,
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "allow.everyone.if.no.acl.found": "false",
            "super.users": "User:broker;User:CN=kafka",
        }

    def set_up(self) -> None:
        """Users and rights."""
        if self.settings.is_secure:
            from include.local.accounts import set_up_kafka

            set_up_kafka(self.settings)

    def _format(self) -> None:
        arguments = [
            "format", "--cluster-id", "dGlkZXdhdGNoLWthZmthMQ", "--config", str(self.folder / "server.properties"),
        ]  # fmt: skip
        if self.settings.is_secure:
            password = kafka_password(self.settings, "broker")
            arguments += ["--add-scram", f"SCRAM-SHA-512=[name=broker,password={password}]"]
        # In a file, for everybody can read a command line.
        file = self.folder / "format.arguments"
        write_private(file, "\n".join(arguments) + "\n")
        command = [
            str(java()), "-cp", class_path(self.settings.jars_dir, "kafka"), "kafka.tools.StorageTool", f"@{file}",
        ]  # fmt: skip
        out = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        file.unlink()
        if out.returncode:
            raise ServiceFailed(
                f"expected to format Kafka's storage, got: {(out.stderr or out.stdout)[-500:]}"
            )

    def command(self) -> list[str]:  # noqa: D102
        heap = self.settings.memory.kafka
        return [
            str(java()), f"-Xms{heap}M", f"-Xmx{heap}M", *SMALL_MACHINE, "-XX:+ExitOnOutOfMemoryError",
            f"-Dlog4j2.configurationFile={self.folder}/log4j2.yaml",
            "-cp", class_path(self.settings.jars_dir, "kafka"),
            "kafka.Kafka", str(self.folder / "server.properties"),
        ]  # fmt: skip
