"""Fetching one file over HTTP: in pieces, resumed where it stopped, checked while it arrives, whole or not there at all.

``fetching`` knows when a file is whole; ``transfer`` fills its gaps over several connections, through ``sink`` or
``straight``; ``pieces`` is the part on the disk and its journal, ``prefix`` the running digest; ``ranges`` and ``rate`` are
what headers say and how fast bytes may come.
"""
