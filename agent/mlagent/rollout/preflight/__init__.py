"""Looks, before anything changes, whether a release can come: each shortfall with its number and its cure.

finding      what was looked at, and what was found
look         asks the cluster, through its port
rights       what the deployer may do
need         how many pods more there will be, and what each takes
quota        whether the namespace's quota lets them be
nodes        whether they find room, one by one
references   whether what they refer to is there
watching     whether single pods can be asked
"""

from mlagent.rollout.preflight.finding import Finding, raise_unless_ready
from mlagent.rollout.preflight.look import look

__all__ = ["Finding", "look", "raise_unless_ready"]
