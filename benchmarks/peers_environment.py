"""The environment of the other formats: bench-out/peers-venv, made when it is first needed.

The versions in peers-constraints.txt are those of every package, the indirect ones too, and are taken as they
are: resolving would bring torchvision, which nothing here uses and which fits only some builds of torch.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from measuring import OUT, clear

HOME = OUT / "peers-venv"
VERSIONS = Path(__file__).with_name("peers-constraints.txt")
FFCV_HOME = OUT / "ffcv-venv"
FFCV_VERSIONS = Path(__file__).with_name("ffcv-constraints.txt")


def peers_python() -> Path:
    """Return the interpreter of the environment, made anew when the versions have changed.

    A package that cannot be installed is named, its format is left out of the tables, loudly, and the next
    run tries again.
    """
    python, stamp = HOME / "bin/python", HOME / "versions.txt"
    wanted = VERSIONS.read_text(encoding="utf-8")
    if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return python
    print(f"making {HOME}: some 3 GB, minutes", file=sys.stderr)
    clear(HOME)
    subprocess.run([sys.executable, "-m", "venv", str(HOME)], check=True)
    pins = [pin.strip() for pin in wanted.splitlines() if pin.strip()]
    torch = next(pin for pin in pins if pin.startswith("torch=="))
    _install(python, "-c", str(VERSIONS), torch)  # with what this build of it needs
    if _install(python, "--no-deps", "-r", str(VERSIONS)):
        stamp.write_text(wanted, encoding="utf-8")
        return python
    for pin in pins:
        if not _install(python, "--no-deps", pin):
            print(f"CANNOT BE INSTALLED, left out: {pin}", file=sys.stderr)
    return python


def ffcv_python() -> Path | None:
    """Return the interpreter of an environment with FFCV; None where it cannot be built.

    It is built from source: on Debian with libopencv-dev, libturbojpeg0-dev and pkg-config.
    """
    python, stamp = FFCV_HOME / "bin/python", FFCV_HOME / "versions.txt"
    wanted = FFCV_VERSIONS.read_text(encoding="utf-8")
    if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return python
    clear(FFCV_HOME)
    subprocess.run([sys.executable, "-m", "venv", str(FFCV_HOME)], check=True)
    pins = [pin.strip() for pin in wanted.splitlines() if pin.strip()]
    others = [pin for pin in pins if not pin.startswith("ffcv==")]
    ours = next(pin for pin in pins if pin.startswith("ffcv=="))
    if (
        _install(python, "setuptools<80", "wheel")
        and _install(python, "-c", str(FFCV_VERSIONS), "torch")
        and _install(python, "--no-deps", *others)
        and _install(python, "--no-deps", "--no-build-isolation", ours)
    ):
        stamp.write_text(wanted, encoding="utf-8")
        return python
    print("FFCV CANNOT BE BUILT, left out", file=sys.stderr)
    return None


def _install(python: Path, *arguments: str) -> bool:
    options = ["--quiet", "--disable-pip-version-check"]
    return subprocess.run([python, "-m", "pip", "install", *options, *arguments], check=False).returncode == 0


if __name__ == "__main__":
    OUT.mkdir(exist_ok=True)
    print(peers_python())
