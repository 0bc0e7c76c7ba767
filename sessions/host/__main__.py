"""`python -m sessions.host FOLDER`: the process that serves one session."""

import sys
from pathlib import Path

from sessions.host.process import serve

if __name__ == "__main__":
    sys.exit(serve(Path(sys.argv[1])))
