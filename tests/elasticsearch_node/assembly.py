"""Puts an Elasticsearch node together: the server and its HTTP transport as Maven artifacts.

Elastic's distribution holds more than these artifacts. What is not there: `GET /`, scripts,
`_delete_by_query`, `_update_by_query`, `_reindex`, ingest pipelines, security, and of the analysis
module all but what `CommonAnalysis.java` registers over the same Lucene classes.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_HERE = Path(__file__).parent
_SOURCES = ("StartNode.java", "CommonAnalysis.java", "pom.xml", "assembly.py")
_OLDEST_JAVA = 21
_DOWNLOAD_S = 300
_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies"
_MODULES = {
    "transport-netty4": "org.elasticsearch.transport.netty4.Netty4Plugin",
    "analysis-common": "CommonAnalysis",
}


class NodeUnavailableError(Exception):
    """A node cannot be had here; the message is the reason, for a skipped test."""


@dataclass(frozen=True)
class Installation:
    """The parts of a node in a folder, and the JDK to run it with."""

    folder: Path
    jdk: Path

    def command(self, data: Path, port: int, *, is_brief: bool) -> list[str]:
        """Give the command that runs a node with its data in `data`.

        A brief one starts sooner and is slower at its best.
        """
        return [
            str(self.jdk / "bin" / "java"),
            "-Xms512m",
            "-Xmx1g",
            *(("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1") if is_brief else ()),
            f"-Des.nativelibs.path={self.folder / 'home' / 'lib'}",
            "-p",
            str(self.folder / "server"),
            "--add-modules=org.elasticsearch.server,ALL-MODULE-PATH",
            "--add-exports=org.elasticsearch.server/org.elasticsearch.common.logging=ALL-UNNAMED",
            "--enable-native-access=ALL-UNNAMED",
            "-cp",
            str(self.folder / "classes"),
            "StartNode",
            str(self.folder / "home"),
            str(data),
            str(port),
        ]


def version() -> str:
    """Give the version of Elasticsearch that the tests pin (pom.xml)."""
    found = re.search(r"<elasticsearch.version>(.+?)<", (_HERE / "pom.xml").read_text())
    assert found
    return found[1]


def install(cache: Path) -> Installation:
    """Put a node together in `cache`, unless that was done before.

    Raises:
        NodeUnavailableError: where there is no JDK or Maven, or its repository cannot be reached.
    """
    jdk = _jdk()
    digest = hashlib.sha256(b"".join((_HERE / name).read_bytes() for name in _SOURCES)).hexdigest()
    folder = cache / f"{version()}-{digest[:12]}"
    cache.mkdir(parents=True, exist_ok=True)
    with locked(cache / "lock"):
        if not folder.is_dir():
            building = cache / "building"
            shutil.rmtree(building, ignore_errors=True)
            _build(building, jdk)
            for older in cache.glob(f"{version()}-*"):
                shutil.rmtree(older, ignore_errors=True)
            building.rename(folder)
    return Installation(folder, jdk)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock among processes."""
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build(folder: Path, jdk: Path) -> None:
    home, server = folder / "home", folder / "server"
    for part in ("config", "plugins", "lib", *(f"modules/{name}" for name in _MODULES)):
        (home / part).mkdir(parents=True)
    server.mkdir()
    jars = folder / "jars"
    _download(jars)
    for jar in sorted(jars.iterdir()):
        is_transport = jar.name.startswith(("transport-netty4", "netty-"))
        jar.rename((home / "modules" / "transport-netty4" if is_transport else server) / jar.name)
    jars.rmdir()
    _compile(jdk, server, _HERE / "StartNode.java", folder / "classes")
    _compile(jdk, server, _HERE / "CommonAnalysis.java", folder / "analysis")
    module = home / "modules" / "analysis-common"
    jar_file = str(module / "analysis-common.jar")
    _run([str(jdk / "bin" / "jar"), "cf", jar_file, "-C", str(folder / "analysis"), "."])
    for name, class_name in _MODULES.items():
        lines = {
            "name": name,
            "description": name,
            "classname": class_name,
            "version": version(),
            "elasticsearch.version": version(),
            "java.version": str(_OLDEST_JAVA),
            "has.native.controller": "false",
        }
        if name == "transport-netty4":
            lines["modulename"] = "org.elasticsearch.transport.netty4"
        (home / "modules" / name / "plugin-descriptor.properties").write_text(
            "".join(f"{key}={value}\n" for key, value in lines.items())
        )


def _download(target: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise NodeUnavailableError("Maven (mvn) is not installed")
    command = [maven, "-q", "-B", "-C", "-Dstyle.color=never", "-f", str(_HERE / "pom.xml")]
    try:
        _run(
            [*command, _COPY, f"-DoutputDirectory={target}"],
            timeout=_DOWNLOAD_S,
        )
    except subprocess.CalledProcessError as error:
        told = [line for line in error.stdout.splitlines() if "[ERROR]" in line]
        lines = [line.partition("[ERROR] ")[2] for line in told] or [str(error)]
        raise NodeUnavailableError(
            f"Maven could not fetch Elasticsearch: {lines[0][:300]}"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise NodeUnavailableError(
            f"Maven could not fetch Elasticsearch in {_DOWNLOAD_S} seconds"
        ) from error


def _compile(jdk: Path, server: Path, source: Path, target: Path) -> None:
    _run([str(jdk / "bin" / "javac"), "-cp", f"{server}/*", "-d", str(target), str(source)])


def _run(command: list[str], timeout: float | None = None) -> None:
    subprocess.run(
        command,
        check=True,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        timeout=timeout,
    )


def _jdk() -> Path:
    """Find the first JDK that is new enough: JAVA_HOME, the usual folders, the PATH."""
    candidates = [Path(value) for value in (os.environ.get("JAVA_HOME"),) if value]
    for parent in (Path("/usr/lib/jvm"), Path("/opt")):
        if parent.is_dir():
            candidates += sorted(parent.iterdir(), reverse=True)
    if compiler := shutil.which("javac"):
        candidates.append(Path(compiler).resolve().parents[1])
    for folder in candidates:
        if _java_version(folder) >= _OLDEST_JAVA:
            return folder
    raise NodeUnavailableError(f"no JDK {_OLDEST_JAVA} or newer was found (set JAVA_HOME)")


def _java_version(folder: Path) -> int:
    """Give a JDK's major version from its `release` file, 0 where there is no compiler."""
    release = folder / "release"
    if not (folder / "bin" / "javac").is_file() or not release.is_file():
        return 0
    found = re.search(r'^JAVA_VERSION="(\d+)', release.read_text(), re.MULTILINE)
    return int(found[1]) if found else 0
