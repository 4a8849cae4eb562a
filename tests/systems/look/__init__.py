"""What a requirement can ask of a rendered platform. Each check fails where the part that it is about is not there.

A check is a function of a :class:`~tests.systems.look.view.View`: the graph of one system in one environment. It proves
what is asked of Docker, not that Docker and the image do it: for that there is ``make systems``.
"""
