"""Asks a server as many users would, and judges what came back; Locust runs in a process of its own.

    python -m mlagent.loadtest REQUEST.json
    python -m mlagent.loadtest worker --master HOST:PORT

    golden     rows with the answers that are expected, and the file of them (golden.jsonl)
    answers    holds an answer against what is expected; documents: one JSON in another (pure)
    asking     one connection, for what is asked one by one; functional: each golden row once, before any load
    stranger   a server not ours: its model and inputs; tensors: requests made up for it; learning: what it answers
    pieces     a profile as rates and times (pure)
    request    what to measure, checked (the contract with the caller)
    schedule   when each user asks: absolute moments, random or even, of each piece's rate (pure)
    course     the desk at which the users of a process fetch what is due next, and who judges the answers
    tally      counts answers while they come (pure)
    watch      the meter's own CPU and clocks, while it asks
    samples    one row a request, and the file of them (samples.npy)
    hdr        the same as an HdrHistogram log (latency.hlog)
    progress   how far it is (progress.json), and who follows it
    result     the run in numbers (result.json)
    run        the Locust process: gevent's patches happen there and nowhere else
    user       what Locust's users do; each has an alarm, and a line (a connection) to each target
    meter      one process that asks: alone, or as a worker
    master     leads workers, here and on other machines, by Locust's own messages
    crew, roll the local workers as processes; the master's list of all
    worker     works for a master; its command line (orders); what both say to each other (wire)
    verdict    what was measured to checks (measured, quantiles, limits, validity, comparison, capacity; pure)
    place      what is asked: a process, or the image in a container
    startup    waits until a container is ready
    standing   how the container stood, and what that says of the image (container.json; pure)

Latency counts from the moment a request was due, so a stall delays every request that was due during it.
"""
