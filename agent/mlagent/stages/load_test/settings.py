"""The section `load-test:`: the service level, the load under which it must hold, and what a reading must be like."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

GOLDEN = "golden.jsonl"


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The service level, and the load under which it must hold."""

    p50_ms: Annotated[
        Annotated[float, Meta(gt=0)] | None, Meta(description="The median of latency; null sets no limit.")
    ] = None
    p95_ms: Annotated[
        Annotated[float, Meta(gt=0)] | None, Meta(description="The 95th percentile of latency; null sets no limit.")
    ] = None
    p99_ms: Annotated[
        float, Meta(gt=0, description="The 99th percentile of latency, from when a request was due, in milliseconds.")
    ] = 50.0
    error_rate_max: Annotated[float, Meta(ge=0, le=1, description="The share of requests that may fail.")] = 0.0
    profile: Annotated[
        Literal["steady", "step", "spike", "soak", "capacity"],
        Meta(
            description="The course of the load: one rate; rising to it in steps; a spike; long; or the highest rate"
            " that holds the service level, looked for."
        ),
    ] = "steady"
    arrivals: Annotated[
        Literal["poisson", "constant"],
        Meta(description="Requests come at random moments, as of many callers, or evenly spaced."),
    ] = "poisson"
    rate_per_second: Annotated[float, Meta(gt=0, le=100_000, description="Requests a second, over all users.")] = 150.0
    users: Annotated[
        int, Meta(ge=1, le=10_000, description="Connections: how many requests may be under way at once.")
    ] = 8
    duration_seconds: Annotated[float, Meta(gt=0, le=86_400, description="How long latencies are kept.")] = 10.0
    warmup_seconds: Annotated[float, Meta(ge=0, le=600, description="How long load runs before that.")] = 2.0
    timeout_seconds: Annotated[float, Meta(gt=0, le=600, description="A request that takes longer is an error.")] = 5.0
    step_count: Annotated[
        int, Meta(ge=2, le=100, description="Profile step: in so many steps the rate rises to rate_per_second.")
    ] = 5
    spike_factor: Annotated[
        float, Meta(gt=1, le=1000, description="Profile spike: a fifth of the time has so many times the rate.")
    ] = 3.0
    soak_minutes: Annotated[
        float, Meta(gt=0, le=1440, description="Profile soak: how long it lasts, in the place of duration_seconds.")
    ] = 30.0
    capacity_from: Annotated[
        Annotated[float, Meta(gt=0, le=100_000)] | None,
        Meta(description="Profile capacity: the first rate that is tried; null takes rate_per_second."),
    ] = None
    capacity_factor: Annotated[
        float, Meta(gt=1, le=10, description="Profile capacity: by so much the rate rises until one does not hold.")
    ] = 2.0
    capacity_resolution: Annotated[
        float, Meta(gt=0, le=0.5, description="Profile capacity: the highest rate is found to this part of itself.")
    ] = 0.05
    capacity_repeats: Annotated[
        int, Meta(ge=1, le=20, description="Profile capacity: the rate that is found must hold so many times.")
    ] = 3
    champion: Annotated[
        Literal["auto", "off"],
        Meta(
            description="Profile steady: auto asks what serves in production beside the new one, where it can be had."
        ),
    ] = "auto"
    champion_rounds: Annotated[
        int, Meta(ge=2, le=1000, description="How often the load changes over to the other one and back.")
    ] = 10
    ratio_max: Annotated[
        float, Meta(gt=0, description="The 99th percentile may be so many times production's on the same node.")
    ] = 1.5
    processes: Annotated[
        int, Meta(ge=0, le=64, description="Locust processes here that share the users; 0: remote workers alone.")
    ] = 1
    workers: Annotated[
        int, Meta(ge=0, le=1000, description="Remote workers (`mlagent load-worker`) that are waited for.")
    ] = 0
    workers_bind: Annotated[
        str, Meta(min_length=1, description="The address of this machine at which remote workers find it.")
    ] = "127.0.0.1"
    workers_port: Annotated[int, Meta(ge=1, le=65_535, description="The port at which they do.")] = 5557
    workers_seconds: Annotated[float, Meta(gt=0, le=3600, description="How long they are waited for.")] = 60.0
    requests_min: Annotated[int, Meta(ge=1, description="Fewer kept requests than this say nothing: inconclusive.")] = (
        1000
    )
    valid_hours: Annotated[
        float, Meta(gt=0, le=8760, description="How long a reading holds for later attempts of the same run.")
    ] = 24.0
    late_share_max: Annotated[
        float, Meta(ge=0, le=1, description="The share of requests the meter itself may send over 5 ms late.")
    ] = 0.05
    rate_reached_min: Annotated[
        float, Meta(ge=0, le=1, description="The share of the requests that fell due that must be sent in time.")
    ] = 0.98
    cpu_share_max: Annotated[
        float, Meta(gt=0, le=1, description="The share of its processor that a process of the meter may use.")
    ] = 0.9
    clock_jump_seconds_max: Annotated[
        float, Meta(ge=0, le=60, description="How far the clock may be set while it is measured.")
    ] = 0.1
    golden: Annotated[
        Literal["synthetic", "test-rows"],
        Meta(description="Which rows are asked for: made up from the schema, or real ones of the test part."),
    ] = "synthetic"
    golden_rows: Annotated[int, Meta(ge=1, le=10_000, description="How many rows are asked for, in turn.")] = 256
    tolerance: Annotated[
        float,
        Meta(ge=0, le=1, description="How far an answer may be from the expected one: so much, and that part of it."),
    ] = 1e-4
    seed: Annotated[int, Meta(ge=0, lt=2**32, description="Draws the moments at which users ask, and the rows.")] = 1

    def __post_init__(self) -> None:
        """Refuse what each key alone allows, and all together do not."""
        meters = self.processes + self.workers
        if not meters:
            message = "processes and workers are both 0: nobody would ask"
            raise ValueError(message)
        if meters > self.users:
            message = f"{self.users} users cannot be shared by {meters} processes and workers: more users, or fewer"
            raise ValueError(message)
