"""Configuration: `mlpipeline.yaml` < `MLAGENT_…` environment < flags, every value with its source.

The room is handed the sections (name -> struct type); it knows no stage.
"""
