"""Java and Maven, kept inside the checkout: nothing is written to the home directory."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
MODULE = ROOT / "client" / "java"
REPOSITORY = ROOT / ".cache" / "java" / "repository"
CLASSPATH = MODULE / "target" / "classpath.txt"
# What makes stubs of an app's contract; the client's own are committed.
PROTOBUF = "io.github.ascopes:protobuf-maven-plugin"
# Short programs: compiling them well, and collecting their garbage in parallel, costs more than it gains.
JVM_OPTIONS = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto")
_JAVA, _MAVEN = 17, (3, 8)


def environment() -> dict[str, str]:
    """Returns the environment that Maven and Java get; what the user set for Maven stays."""
    options = f"{' '.join(JVM_OPTIONS)} {os.environ.get('MAVEN_OPTS', '')}"
    return {**os.environ, "MAVEN_OPTS": options}


def why_missing() -> str:
    """Says why nothing of Java can be tested here; empty if it can."""
    for tool in ("javac", "mvn"):
        if shutil.which(tool) is None:
            return f"no Java toolchain: there is no `{tool}` on the PATH"
    told = subprocess.run(["mvn", "-version"], capture_output=True, text=True, env=environment(), check=False)
    maven = re.search(r"Apache Maven (\d+)\.(\d+)", told.stdout)
    java = re.search(r"Java version: (\d+)", told.stdout)
    if maven is None or java is None:
        return f"no Java toolchain: `mvn -version` says {(told.stdout + told.stderr).strip()!r}"
    if tuple(map(int, maven.groups())) < _MAVEN or int(java[1]) < _JAVA:
        return f"no Java toolchain: {maven[0]} with Java {java[1]} is older than Maven 3.8 with Java {_JAVA}"
    return ""


def run(*command: str | Path, cwd: Path = MODULE, timeout: float = 600, home: Path | None = None) -> str:
    """Runs a command to its end and returns what it printed; fails with both its streams."""
    variables = environment() | ({} if home is None else {"HOME": str(home)})
    done = subprocess.run(
        command, cwd=cwd, env=variables, capture_output=True, text=True, timeout=timeout, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def maven(*goals: str, cwd: Path = MODULE, home: Path | None = None) -> None:
    """Runs Maven with the checkout's own repository."""
    local = f"-Dmaven.repo.local={REPOSITORY}"
    run("mvn", "--batch-mode", "--no-transfer-progress", local, *goals, cwd=cwd, home=home)


def build(home: Path) -> dict[str, str]:
    """Builds, tests and installs the client, and fetches what tests need beside: afterwards nothing is fetched.

    Maven keeps no order among processes that write to one repository, and tests may be in several.
    """
    shutil.rmtree(MODULE / "target" / "surefire-reports", ignore_errors=True)
    version = re.search(
        rf"{PROTOBUF.partition(':')[2]}</artifactId>\s*<version>(.+?)<", (MODULE / "README.md").read_text()
    )
    assert version is not None
    goals = ("install", "dependency:build-classpath", f"{PROTOBUF}:{version[1]}:help")
    maven(*goals, f"-Dmdep.outputFile={CLASSPATH}", home=home)
    run("make", "java-setup", cwd=ROOT, home=home)
    return {}


def java(*arguments: str | Path, classpath: tuple[Path, ...] = (), client: bool = True) -> list[str]:
    """Returns the command that runs a class, or a source file, with what the client needs, and the client or not."""
    ours = (MODULE / "target" / "classes", MODULE / "target" / "test-classes") if client else ()
    whole = os.pathsep.join([*map(str, ours + classpath), CLASSPATH.read_text().strip()])
    return ["java", *JVM_OPTIONS, "-cp", whole, *map(str, arguments)]


def console(*arguments: str, classpath: tuple[Path, ...] = ()) -> list[str]:
    """Returns the command that runs tests by name, without Maven."""
    launcher = "org.junit.platform.console.ConsoleLauncher"
    options = (
        "execute",
        "--disable-banner",
        "--disable-ansi-colors",
        "--details=tree",
        "--details-theme=ascii",
    )
    return java(launcher, *options, *arguments, classpath=classpath)
