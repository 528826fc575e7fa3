"""Asks a server as many users would, and judges what came back; Locust runs in a process of its own.

    python -m mlagent.loadtest REQUEST.json
    python -m mlagent.loadtest worker --master HOST:PORT

    golden     rows with the answers that are expected, and the file of them (golden.jsonl)
    answers    holds an answer against what is expected
    functional each golden row once, before any load
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
    user, line what Locust's users do; a user's connection to a target
    meter      one process that asks: alone, or as a worker
    master     leads workers, here and on other machines, by Locust's own messages
    crew, roll the local workers as processes; the master's list of all
    worker     works for a master; its command line (orders); what both say to each other (wire)
    verdict    samples and limits to a Verdict (pure)
    place      what is asked: a process, or the image in a container
    startup    waits until a container is ready
    standing   how the container stood, and what that says of the image (container.json; pure)

Latency counts from the moment a request was due, so a stall delays every request that was due during it.
"""
