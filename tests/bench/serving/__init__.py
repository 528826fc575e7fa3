"""Our server beside what teams use: requests a second, latency and CPU a request, by wrk, in alternation."""
