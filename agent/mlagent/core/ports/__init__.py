"""The outside world as Protocols: a file a port here, a vendor a file in `adapters/`, a contract in `tests/contract/`.

A port is written when its first caller and its first implementation are; what stands here is called.
"""
