"""The TCP door: accepts, reads requests and hands each to the callable that answers it.

`door.py` owns the connections, `connection.py` one of them, `body_reader.py` request bodies,
`limited_stream.py` the deadline on everything that is sent.
"""
