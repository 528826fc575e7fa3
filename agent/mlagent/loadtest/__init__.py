"""Asks a server as many users would, and judges what came back; Locust runs in a process of its own.

    python -m mlagent.loadtest REQUEST.json

    golden     rows with the answers that are expected, and the file of them (golden.jsonl)
    answers    holds an answer against what is expected
    functional each golden row once, before any load
    request    what to measure, checked (the contract with the caller)
    schedule   when each user asks: an absolute Poisson schedule (pure)
    samples    one row a request, and the file of them (samples.npy)
    result     the run in numbers (result.json)
    run        the Locust process: gevent's patches happen there and nowhere else
    verdict    samples and limits to a Verdict (pure)
    place      what is asked: a process, or the image in a container
    startup    waits until a container is ready
    standing   how the container stood, and what that says of the image (container.json; pure)

Latency counts from the moment a request was due, so a stall delays every request that was due during it.
"""
