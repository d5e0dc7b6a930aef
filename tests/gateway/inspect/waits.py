"""A child that says back what it was given, and then does nothing until it is ended."""

import os
import signal
import sys

from gateway.workers.child import read_setup

if __name__ == "__main__":
    os.write(int(sys.argv[1]), read_setup())
    signal.pause()
