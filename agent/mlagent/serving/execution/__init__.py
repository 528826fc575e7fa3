"""When and where the model computes: in the event loop, or in threads; alone, or with others that wait.

job       what is to be computed, and who computes it (`Job`, `Runner`)
timing    how long the model takes, measured when the server starts
planning  how many processes and threads share the processors
batching  the arrays of several jobs as one, and the results apart again
inline    quick jobs, in the event loop
pool      slow ones, in a bounded number of threads
mixed     a Runner of both, and the sweep of deadlines
"""

from mlagent.serving.execution.job import Job, Runner
from mlagent.serving.execution.mixed import make
from mlagent.serving.execution.planning import Plan, Profile, plan
from mlagent.serving.execution.timing import Timing, measure

__all__ = ["Job", "Plan", "Profile", "Runner", "Timing", "make", "measure", "plan"]
