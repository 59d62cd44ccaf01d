"""How files are opened; a flag that the system does not have is left out.

Without O_NOFOLLOW, a link that is put in the place of a file between the look and the opening is
followed; docs/trust.md says so.
"""

from __future__ import annotations

import os

_ALWAYS = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
"""Not inherited by child processes, and bytes as they are: Windows would change line ends."""

NO_LINK = getattr(os, "O_NOFOLLOW", 0)
NO_WAIT = getattr(os, "O_NONBLOCK", 0)
"""A FIFO in the place of a file makes nobody wait."""

READ = os.O_RDONLY | _ALWAYS | NO_WAIT
READ_NO_LINK = READ | NO_LINK
READ_WRITE = os.O_RDWR | _ALWAYS
APPEND = os.O_WRONLY | os.O_APPEND | _ALWAYS
LOCK = READ_WRITE | os.O_CREAT | NO_LINK
LOCK_AGAIN = READ_WRITE | NO_LINK
CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | NO_LINK | _ALWAYS

FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | _ALWAYS
FOLDER_NO_LINK = FOLDER | NO_LINK
PASS_THROUGH = FOLDER | getattr(os, "O_PATH", 0)
"""To a folder that is only gone through: O_PATH needs no permission to list it."""

PASS_THROUGH_NO_LINK = PASS_THROUGH | NO_LINK
