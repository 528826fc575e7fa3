"""What a request to train holds besides paths and target, where a test has nothing to say about it."""

LOOP: dict[str, object] = {
    "epochs": 3,
    "batch_size": 16,
    "accumulate": 1,
    "learning_rate": 0.05,
    "schedule": "constant",
    "warmup_steps": 0,
    "weight_decay": 0.01,
    "clip_norm": 0,
    "class_weights": "none",
    "patience": 0,
    "device": "auto",
    "precision": "fp32",
    "deterministic": True,
    "seed": 1,
    "threads": 1,
    "checkpoint_steps": 0,
    "checkpoint_minutes": 0,
    "keep_checkpoints": 2,
}
