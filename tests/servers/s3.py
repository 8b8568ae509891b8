"""A server that speaks S3, for the tests.

In order: the one that EMAIL_AUDIT_TEST_S3_URL names (keys as usual in AWS_...); `versitygw`, a real
one, where that program is on the path; else moto's server, which is a double: it keeps everything
in memory and knows no disk, but speaks the protocol and checks keys and rights.
"""

import os
import shutil
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.servers.processes import free_port, guarded, listens, wait_until

URL_VARIABLE = "EMAIL_AUDIT_TEST_S3_URL"
_START_S = 60
_REGION = "us-east-1"
_FREE_ACTS = 3
"""What moto lets anybody do before it asks for keys: make a user, its right, and its key."""


@dataclass(frozen=True)
class S3:
    """A running server and the variables with which a client finds it and may use it."""

    kind: str
    environment: Mapping[str, str]

    def client(self) -> Any:
        """Give a plain client, for looking at what is there by other means."""
        import boto3

        return boto3.client(
            "s3",
            endpoint_url=self.environment["AWS_ENDPOINT_URL"],
            aws_access_key_id=self.environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.environment["AWS_SECRET_ACCESS_KEY"],
            region_name=_REGION,
        )

    def new_bucket(self) -> str:
        """Make an empty bucket; gives its name."""
        name = f"evidence-{uuid.uuid4().hex}"
        self.client().create_bucket(Bucket=name)
        return name


@contextmanager
def running_s3(folder: Path) -> Iterator[S3]:
    """Give a server for the length of the block; it may write below `folder`.

    What this process remembers of a server before it (s3fs keeps its connections) is forgotten.
    """
    from s3fs import S3FileSystem

    S3FileSystem.clear_instance_cache()
    try:
        with _running(folder) as server:
            yield server
    finally:
        S3FileSystem.clear_instance_cache()


@contextmanager
def _running(folder: Path) -> Iterator[S3]:
    if url := os.environ.get(URL_VARIABLE):
        keys = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
        yield S3("given", {**keys, "AWS_ENDPOINT_URL": url})
        return
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    log = folder / "s3.log"
    log.touch()
    versitygw = shutil.which("versitygw")
    if versitygw:
        root = folder / "s3"
        root.mkdir()
        environment = _variables(url, "auditor", "not-a-secret-at-all")
        access = {"ROOT_ACCESS_KEY": "auditor", "ROOT_SECRET_KEY": "not-a-secret-at-all"}
        command = [versitygw, "--port", f"127.0.0.1:{port}", "posix", str(root)]
        with guarded(command, log=log, environment={**os.environ, **access}) as process:
            wait_until(lambda: listens(port), process, log, seconds=_START_S)
            yield S3("versitygw", environment)
        return
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = {**os.environ, "INITIAL_NO_AUTH_ACTION_COUNT": str(_FREE_ACTS)}
    with guarded(command, log=log, environment=server) as process:
        wait_until(lambda: listens(port), process, log, seconds=_START_S)
        yield S3("moto", _moto_user(url))


def _moto_user(url: str) -> dict[str, str]:
    """Make a user who may use S3; from then on moto refuses everybody else."""
    import boto3

    iam = boto3.client(
        "iam",
        endpoint_url=url,
        region_name=_REGION,
        aws_access_key_id="nobody",
        aws_secret_access_key="nobody",
    )
    iam.create_user(UserName="auditor")
    iam.put_user_policy(
        UserName="auditor",
        PolicyName="s3",
        PolicyDocument=(
            '{"Version": "2012-10-17", "Statement": '
            '[{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}'
        ),
    )
    key = iam.create_access_key(UserName="auditor")["AccessKey"]
    return _variables(url, key["AccessKeyId"], key["SecretAccessKey"])


def _variables(url: str, key: str, secret: str) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": key,
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_DEFAULT_REGION": _REGION,
    }
