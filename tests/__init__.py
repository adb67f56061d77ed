"""What holds before anything is imported.

Tests run beside each other, each in one thread: those that share cores with others' wait for each
other in a loop, which took half of all the time. Commands that tests start have the machine's own.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
