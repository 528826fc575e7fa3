"""A Jenkins controller: python-jenkins, and the few calls it lacks.

`controller` holds the calls and what is done when the controller is away; `builds` starts and follows a build;
`jobs` and `merge` (pure) make a job's XML; `sync` brings it there.
"""
