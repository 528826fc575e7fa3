"""Registry and approvals as plain files: named objects of the run's store, for teams without a service for it.

In `.mlagent/store` they are JSON files that a person can read; where `store.url` points elsewhere, build nodes share
them. On the in-memory store they are the fakes.
"""
