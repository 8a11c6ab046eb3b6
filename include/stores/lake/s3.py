"""S3, or a store that speaks its protocol: reading by pyarrow's client, writing by botocore's.

pyarrow cannot write a file only where none is yet, which S3 can (``If-None-Match``). Where the store is and who asks
comes from the usual variables: ``AWS_ENDPOINT_URL_S3``, ``AWS_REGION``, ``AWS_ACCESS_KEY_ID`` and so on.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

import pyarrow.fs as pafs

_CONNECT_SECONDS = 5.0
#: Not a byte for so long, and a try has failed.
_SILENT_SECONDS = 20.0
_TRIES = 3
#: Metadata of a file that was created: which call did.
_MARK = "created-by-call"
_TAKEN, _CONFLICT, _FORBIDDEN = 412, 409, 403


@dataclass(frozen=True, slots=True)
class S3Address:
    """Where the store is.

    Attributes
    ----------
    endpoint
        Of a store that is not Amazon's, e.g. ``https://s3.bank.example:9000``; buckets are in the path there.
    region
        None: what the profile says.
    authorities
        Path of the certificates it is held to (PEM); None for the machine's own.
    """

    endpoint: str | None
    region: str | None
    authorities: str | None

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> S3Address:
        """As the variables of the AWS clients have it."""
        endpoint = environment.get("AWS_ENDPOINT_URL_S3") or environment.get("AWS_ENDPOINT_URL") or ""
        region = environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION")
        # Other stores have none, but a signature names one.
        region = region or ("us-east-1" if endpoint else None)
        return cls(endpoint.rstrip("/") or None, region, environment.get("AWS_CA_BUNDLE") or None)


class S3Objects:
    """Writes single objects. Each is one request, so a reader finds an object whole or not at all."""

    def __init__(self, address: S3Address) -> None:
        self._address = address

    @cached_property
    def _client(self) -> Any:
        # Takes most of a second to import: who only reads does without.
        from botocore.config import Config
        from botocore.session import get_session

        return get_session().create_client(
            "s3",
            region_name=self._address.region,
            endpoint_url=self._address.endpoint,
            verify=self._address.authorities,
            config=Config(
                connect_timeout=_CONNECT_SECONDS,
                read_timeout=_SILENT_SECONDS,
                retries={"mode": "standard", "total_max_attempts": _TRIES},
                s3={"addressing_style": "path"} if self._address.endpoint else None,
            ),
        )

    def put(self, place: str, content: bytes) -> None:
        """Write an object, over whatever is there.

        Parameters
        ----------
        place
            Bucket, slash, key.

        Raises
        ------
        OSError
            S3 did not take it, or did not say; PermissionError if it refused whoever asks.
        """
        self._ask("put_object", place, Body=content)

    def create(self, place: str, content: bytes) -> None:
        """Write an object where none is; S3 decides between two writers.

        Raises
        ------
        FileExistsError
            There is one already.
        OSError
            As of ``put``.
        """
        mark = uuid.uuid4().hex
        for one in range(1, _TRIES + 1):
            try:
                self._ask("put_object", place, Body=content, IfNoneMatch="*", Metadata={_MARK: mark})
                return
            except _Refused as refused:
                if refused.status == _TAKEN:
                    # Of a request whose answer was lost the second try finds what the first has written.
                    if self._ask("head_object", place)["Metadata"].get(_MARK) == mark:
                        return
                    raise FileExistsError(
                        f"expected {place} not to be there yet; it is, and stays as it was"
                    ) from refused
                # Another request on the object was under way; S3 wants to be asked again.
                if refused.status != _CONFLICT or one == _TRIES:
                    raise

    def _ask(self, operation: str, place: str, **details: Any) -> dict[str, Any]:
        from botocore.exceptions import BotoCoreError, ClientError

        bucket, _, key = place.partition("/")
        try:
            return dict(getattr(self._client, operation)(Bucket=bucket, Key=key, **details))
        except ClientError as error:
            status = int(error.response["ResponseMetadata"]["HTTPStatusCode"])
            if status == _FORBIDDEN:
                raise PermissionError(
                    f"expected S3 to let these credentials at {place}, got: {error}; check AWS_ACCESS_KEY_ID, its "
                    "secret, and the bucket's policy"
                ) from error
            raise _Refused(status, f"expected S3 to do {operation} on {place}, got: {error}") from error
        except BotoCoreError as error:
            raise OSError(
                f"expected an answer of S3 to {operation} on {place}, got: {error}; check that it is up, and "
                "AWS_ENDPOINT_URL_S3"
            ) from error


class _Refused(OSError):
    """S3's answer was an error."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


def is_on_s3(uri: str) -> bool:
    """Whether a lake's URI is one of S3."""
    return uri.startswith("s3:")


def s3_files(uri: str) -> tuple[pafs.FileSystem, S3Objects, str]:
    """What reads the files behind a URI and deletes them, what writes them, and the path of their root.

    An outage, or credentials that are refused, are errors to both and never a missing file.

    Parameters
    ----------
    uri
        ``s3://bucket/root``.

    Raises
    ------
    ValueError
        There is more in it: a URI ends up in logs, and Spark takes no notice of the rest.
    """
    parts = urlsplit(uri)
    if not parts.hostname or parts.netloc != parts.hostname or parts.query or parts.fragment:
        raise ValueError(
            "expected a lake on S3 as s3://bucket/folder and no more; credentials, endpoint and region are variables: "
            "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_ENDPOINT_URL_S3, AWS_REGION"
        )
    address = S3Address.of(os.environ)
    files = pafs.S3FileSystem(
        endpoint_override=address.endpoint,
        region=address.region,
        tls_ca_file_path=address.authorities,
        connect_timeout=_CONNECT_SECONDS,
        request_timeout=_SILENT_SECONDS,
        retry_strategy=pafs.AwsStandardS3RetryStrategy(max_attempts=_TRIES),
    )
    return files, S3Objects(address), f"{parts.netloc}{parts.path}".rstrip("/")
