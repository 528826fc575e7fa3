"""Approvals: what is asked on which evidence, who may answer, what Jenkins confirms, and what then holds."""
