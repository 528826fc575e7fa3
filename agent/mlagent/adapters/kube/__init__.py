"""Kubernetes, by the dynamic client: what the API server serves is asked of it, not known beforehand.

opening      the way in
kubeconfig   which cluster, and as whom: the files, merged as kubectl does it; light, the rest opens the client
secrets      certificates and keys for a library that reads files, on no disk
login        the client's configuration out of both, or the pod's own
kinds        where the API server keeps which kind
link         requests with time limits, and errors of the tree
shapes       what an API server answers, as far as it is read
refusals     what a no means
cluster      the Cluster port
pods         the part of it that is about single pods
"""
