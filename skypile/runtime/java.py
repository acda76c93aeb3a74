"""Whether there is a Java that Spark runs on. Apart from `session`, so that it can be asked before Spark is loaded."""

import functools
import os
import re
import shutil
import subprocess
from pathlib import Path

from skypile.errors import SkypileError

MINIMUM_JAVA = 17  # Spark 4 runs on Java 17 and later only
ADVICE = f"skypile needs Java {MINIMUM_JAVA} or later: install a JDK (Debian: openjdk-17-jre-headless)"


class JavaError(SkypileError):
    """Java is missing or too old; the message says what to install."""


def java() -> str:
    """Path of the Java that Spark will run, or JavaError with one sentence of advice."""
    home = os.environ.get("JAVA_HOME")
    path = str(Path(home, "bin", "java")) if home else shutil.which("java")
    if not path or not Path(path).exists():
        where = f"JAVA_HOME is {home}, which has no bin/java" if home else "no java on PATH"
        raise JavaError(f"{ADVICE}; {where}.")
    return path


@functools.cache
def described(path: str) -> str:
    """What a Java says of itself."""
    output = subprocess.run([path, "-version"], capture_output=True, text=True, timeout=60, check=False)
    return output.stderr + output.stdout


def check_java() -> int:
    """Major version of the Java that Spark will run, or JavaError with one sentence of advice."""
    found = re.search(r'version "(\d+)(?:\.(\d+))?', described(java()))
    if not found:
        raise JavaError(f"{ADVICE}; {java()} -version does not name its version.")
    major = int(found[1]) if found[1] != "1" else int(found[2] or 0)  # 1.8 is Java 8
    if major < MINIMUM_JAVA:
        raise JavaError(f"{ADVICE}; {java()} is version {major}.")
    return major
