"""What to say where a stage before the one that is asked for would have to run."""

from mlagent.core import digest
from mlagent.core.stage import Stage
from mlagent.engine.keys import Given
from mlagent.engine.plan import Step
from mlagent.engine.world import LOCK, PRODUCTION
from mlagent.errors import InfrastructureError, InputError, MlagentError, PolicyRefused

ORDER = "`mlagent run` makes everything in order; `mlagent plan` says what would run, and why"


def not_there(stage: Stage, step: Step, given: Given) -> MlagentError:
    """InputError (4), with what is not the same as when it was made; of what acts in an environment PolicyRefused (12).

    No step on the way to production is left out. InfrastructureError (20) where nobody can say which model is there.
    """
    if stage.environment:
        return PolicyRefused(
            f"{stage.name} has not passed for this source, data and configuration ({step.reason})",
            hint=f"`mlagent {stage.command}` first: production takes what came to staging and soaked there",
        )
    production = given.facts.get(PRODUCTION, "") if PRODUCTION in stage.facts else ""
    if production and not production.startswith(digest.ALGORITHM):
        return InfrastructureError(
            f"whether what {stage.name} makes is there cannot be said without the model in production: {production}",
            hint="is the server up, and are tracking.uri and its credentials right? then give the same command again",
        )
    unfrozen = LOCK in stage.facts and not given.facts.get(LOCK)
    lacks = "; the file that package.lock names is not here" if unfrozen else ""
    return InputError(
        f"what {stage.name} makes is not there for this source, data and configuration ({step.reason}{lacks})",
        hint=f"commit that file, which `mlagent package` wrote where it ran; {ORDER}" if unfrozen else ORDER,
    )
