"""Readers of files that hold more than one text: archives, office documents, mail of other programs.

Each takes bytes and yields what `found` names; none writes a file, none believes a name, and all draw on the one
`Budget` of the message, so that nothing small can become large (AB-01, AB-04, AB-07).
"""
