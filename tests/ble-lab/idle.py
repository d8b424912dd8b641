"""What an agent costs on this machine while nobody presses and twenty phones advertise: idle.py [SECONDS]

Over the emulated radio, so with programs of a debug build (LAB_BIN); the numbers of the lab's machine are those of its scenario `crowd`.
The emulated radio asks each phone ten times a second, which a Bluetooth controller does by itself: this is more than an agent has to do.
"""
import os
import shutil
import sys
import tempfile

stage = tempfile.mkdtemp(prefix='imp-idle-')
os.environ.update(LAB_STAGE=stage, LAB_LOGS=stage)

from crowd import CROWD, idle  # noqa: E402  (they read the environment)
from hospital import Hospital, program  # noqa: E402
from process import Running, eventually  # noqa: E402
from told import Failed, die  # noqa: E402


def main(seconds):
    hospital = Hospital()
    hospital.prepare()
    air = hospital.uses_emulated_air()
    neighbours = Running('imp-radio', [program('imp-radio'), 'neighbours', air, str(CROWD)])
    neighbours.line(lambda line: line == 'ready')
    try:
        hospital.open()
        eventually(f'{CROWD} phones are near', lambda: hospital.status()['unknown_phones'] == CROWD)
        idle(hospital.agent.child.pid, seconds)
    finally:
        hospital.close()
        neighbours.kill()


try:
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 60)
except Failed as failure:
    die(str(failure))
finally:
    shutil.rmtree(stage)
