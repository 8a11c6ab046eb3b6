"""What can go wrong with the embedded stack.

::

    LocalStackError
    ├── SetupError        the machine lacks something; the message says what to do
    │   ├── PortTaken
    │   ├── NoJava
    │   ├── JarsMissing
    │   ├── JarsChanged
    │   └── NoBrowser
    ├── ServiceFailed     a server did not come up, or went down for good
    └── RunFailed         a DAG's run failed, or did not end in time
"""

from __future__ import annotations


class LocalStackError(Exception):
    """Something the user of the embedded stack has to know; printed without a traceback."""


class SetupError(LocalStackError):
    """The machine cannot run the stack as it is."""


class PortTaken(SetupError):
    """A port the stack needs is in use."""


class NoJava(SetupError):
    """No Java runtime that Cassandra, Kafka and Spark can all run on."""


class JarsMissing(SetupError):
    """The servers' jars are not there and could not be fetched."""


class JarsChanged(SetupError):
    """Jars that were fetched are not those that were locked."""


class NoBrowser(SetupError):
    """No browser to look at our pages with, or nothing to steer it."""


class ServiceFailed(LocalStackError):
    """A server did not come up within its time, or ended."""


class RunFailed(LocalStackError):
    """A run of a DAG failed or did not end in time."""
