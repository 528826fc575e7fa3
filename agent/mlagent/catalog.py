"""THE ordered list of stages: the first page to read. It lists only what exists; all views are derived from it."""

import msgspec

from mlagent.config.sections import SHARED
from mlagent.core.stage import Stage
from mlagent.stages import (
    approve,
    check,
    deploy,
    evaluate,
    export,
    gate,
    load_test,
    package,
    push,
    register,
    release,
    sign,
    soak,
    split,
    train,
    validate_data,
)

STAGES: tuple[Stage, ...] = (
    check.STAGE,
    validate_data.STAGE,
    split.STAGE,
    train.STAGE,
    export.STAGE,
    evaluate.STAGE,
    gate.STAGE,
    register.STAGE,
    package.STAGE,
    load_test.STAGE,
    push.STAGE,
    sign.STAGE,
    release.STAGE,
    approve.STAGING,
    deploy.STAGING,
    soak.STAGING,
    approve.PRODUCTION,
    deploy.PRODUCTION,
    soak.PRODUCTION,
)

SECTIONS: dict[str, type[msgspec.Struct]] = SHARED | {stage.settings: stage.config for stage in STAGES}
