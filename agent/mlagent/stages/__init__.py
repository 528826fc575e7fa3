"""One file a stage: docstring, Config, run(), STAGE. Stages do not know each other; `catalog` puts them in order."""
