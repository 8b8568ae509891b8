"""Outlook's PST and OST files, read after Microsoft's [MS-PST], every checksum verified.

From the bottom: pages and blocks (`layout`, `pages`, `blocks`, `index`, MS-PST 2.2), heaps and the
tables on them (`heap`, `contexts`, `values`, MS-PST 2.3), folders, names and messages (`folders`,
`names`, `messages`, MS-PST 2.4). `census` counts apart from all that; `salvage` finds what a
damaged index no longer leads to.
"""
