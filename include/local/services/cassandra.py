"""Cassandra 5, straight from its Maven jars."""

from __future__ import annotations

from typing import Any

import yaml

from include.local.certificates import Certificates
from include.local.jars import class_path
from include.local.java import ADD_EXPORTS, ADD_OPENS, SMALL_MACHINE, java
from include.local.services.base import Node
from include.settings import Settings

_LOGBACK = """<configuration>
  <appender name="OUT" class="ch.qos.logback.core.ConsoleAppender">
    <encoder><pattern>%d{ISO8601} %-5level %logger{0} %msg%n</pattern></encoder>
  </appender>
  <root level="WARN"><appender-ref ref="OUT"/></root>
</configuration>
"""


SYNC_PERIOD_MS = 10
#: 1.5 periods, after which Cassandra takes no write before a sync, and a little more.
SYNC_LAG_SECONDS = 0.016


_CACHE = {"validity": "10s", "update_interval": "5s", "cache_active_update": True}


class Cassandra(Node):
    """The store of processed transactions, decisions, alerts and state."""

    name = "cassandra"
    start_seconds = 120
    stop_seconds = 30

    def __init__(self, settings: Settings, node: int = 1) -> None:
        super().__init__(settings, node)
        if node > 1:
            # One after the other: two that join at a time may choose the same tokens.
            self.needs = ("cassandra" if node == 2 else f"cassandra-{node - 1}",)
            self.start_seconds = 120 * node

    @property
    def ports(self) -> dict[str, int]:  # noqa: D102
        return {
            "cassandra": self.settings.ports.cassandra,
            "cassandra_storage": self.settings.ports.cassandra_storage,
        }

    def prepare(self) -> None:
        """Write ``cassandra.yaml`` and the logging configuration."""
        super().prepare()
        data = self.folder / "data"
        config: dict[str, Any] = {
            "cluster_name": "tidewatch",
            "num_tokens": 4,
            "partitioner": "org.apache.cassandra.dht.Murmur3Partitioner",
            "listen_address": self.host,
            "rpc_address": self.host,
            "native_transport_port": self.settings.ports.cassandra,
            "storage_port": self.settings.ports.cassandra_storage,
            "start_native_transport": True,
            "endpoint_snitch": "SimpleSnitch",
            "seed_provider": [
                {
                    "class_name": "org.apache.cassandra.locator.SimpleSeedProvider",
                    "parameters": [{"seeds": self._seeds}],
                }
            ],
            "data_file_directories": [str(data / "sstables")],
            "commitlog_directory": str(data / "commitlog"),
            "hints_directory": str(data / "hints"),
            "saved_caches_directory": str(data / "saved_caches"),
            "cdc_raw_directory": str(data / "cdc_raw"),
            # Acknowledged before it is synced; who needs to know that a kill loses nothing waits for
            # SYNC_LAG_SECONDS (include/stores/cassandra/durability.py). Group commit cost twice the processor.
            "commitlog_sync": "periodic",
            "commitlog_sync_period": f"{SYNC_PERIOD_MS}ms",
            # Compressed, it is written from one buffer; otherwise into files mapped anew, page fault by page fault.
            "commitlog_compression": [{"class_name": "LZ4Compressor"}],
            "commitlog_segment_size": "16MiB",
            "commitlog_total_space": "256MiB",
            "memtable": {
                "configurations": {
                    "default": {"inherits": "trie"},
                    "trie": {"class_name": "TrieMemtable"},
                }
            },
            # Few large flushes: each is written again by compactions.
            "memtable_heap_space": "160MiB",
            "memtable_offheap_space": "160MiB",
            "memtable_allocation_type": "offheap_objects",
            "memtable_flush_writers": 1,
            "file_cache_size": "64MiB",
            "networking_cache_size": "32MiB",
            "key_cache_size": "32MiB",
            "concurrent_compactors": 1,
            "auto_snapshot": False,
            "disk_failure_policy": "die",
            "commit_failure_policy": "die",
            "read_request_timeout": "10s",
            "range_request_timeout": "20s",
            "write_request_timeout": "10s",
            "cas_contention_timeout": "5s",
            "batch_size_warn_threshold": "40KiB",
            "batch_size_fail_threshold": "50KiB",
            # One node has every partition, and a batch of upserts costs it one round trip.
            "unlogged_batch_across_partitions_warn_threshold": 1000,
            "authenticator": "AllowAllAuthenticator",
            "authorizer": "AllowAllAuthorizer",
        }
        if self.settings.is_cluster:
            config |= {
                "concurrent_reads": 16,
                "concurrent_writes": 32,
                # Nodes that begin together have nothing to take over from each other.
                "auto_bootstrap": False,
                "allocate_tokens_for_local_replication_factor": len(self.settings.hosts),
            }
        else:
            # Nothing waits for another node, so that more threads than cores only wake each other.
            config |= {"concurrent_reads": 4, "concurrent_writes": 4, "native_transport_max_threads": 4}
        if self.settings.is_secure:
            config |= self._security()
        (self.folder / "cassandra.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
        (self.folder / "logback.xml").write_text(_LOGBACK)

    @property
    def _seeds(self) -> str:
        return ",".join(f"{host}:{self.settings.ports.cassandra_storage}" for host in self.settings.hosts)

    @property
    def _ring(self) -> list[str]:
        """One node alone has no ring to wait for."""
        if self.settings.is_cluster:
            return ["-Dcassandra.ring_delay_ms=5000"]
        return ["-Dcassandra.ring_delay_ms=0", "-Dcassandra.skip_wait_for_gossip_to_settle=0"]

    def _security(self) -> dict[str, Any]:
        """Roles with passwords and rights, and TLS to clients and between nodes."""
        certificates = Certificates(self.settings.stack_dir)
        tls = {
            "ssl_context_factory": {"class_name": "org.apache.cassandra.security.PEMBasedSslContextFactory"},
            "keystore": str(certificates.of("cassandra").both),
            "truststore": str(certificates.authority),
        }
        return {
            "authenticator": "PasswordAuthenticator",
            "authorizer": "CassandraAuthorizer",
            "role_manager": "CassandraRoleManager",
            "client_encryption_options": {
                "enabled": True,
                "optional": False,
                "require_client_auth": False,
                **tls,
            },
            "server_encryption_options": {
                "internode_encryption": "all",
                "require_client_auth": True,
                "require_endpoint_verification": True,
                **tls,
            },
            # Looked up beside the statement that needs it, not before it.
            **{
                f"{kind}_{name}": value
                for kind in ("roles", "permissions", "credentials")
                for name, value in _CACHE.items()
            },
        }

    def set_up(self) -> None:
        """Superuser and roles."""
        if self.settings.is_secure:
            from include.local.accounts import set_up_cassandra

            set_up_cassandra(self.settings)

    def command(self) -> list[str]:  # noqa: D102
        heap = self.settings.memory.cassandra
        return [
            str(java()), *ADD_EXPORTS, *ADD_OPENS,
            f"-Xms{heap}M", f"-Xmx{heap}M", *SMALL_MACHINE, "-XX:MaxDirectMemorySize=256M",
            "-XX:ThreadPriorityPolicy=1",  # compactions run at the lowest priority, if the system lets them
            "-XX:+ExitOnOutOfMemoryError", "-XX:ActiveProcessorCount=2", "-Xss512k",
            "-Djdk.attach.allowAttachSelf=true", "-Dio.netty.tryReflectionSetAccessible=true",
            "-Djava.net.preferIPv4Stack=true", "-Dcassandra-foreground=yes",
            "-Dcassandra.approximate_time_precision_ms=10",  # by default a thread wakes 500 times a second for it
            f"-Dcassandra.config=file://{self.folder}/cassandra.yaml",
            f"-Dcassandra.storagedir={self.folder}/data",
            f"-Dlogback.configurationFile={self.folder}/logback.xml",
            *self._ring,
            # The default superuser is there at once, to be replaced at once.
            "-Dcassandra.superuser_setup_delay_ms=0",
            # Passwords are generated, 192 random bits: rounds of hashing protect those that can be guessed, and each
            # task logs in twice.
            "-Dcassandra.auth_bcrypt_gensalt_log2_rounds=4",
            "-cp", class_path(self.settings.jars_dir, "cassandra"),
            "org.apache.cassandra.service.CassandraDaemon",
        ]  # fmt: skip
