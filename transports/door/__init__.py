"""The TCP acceptor: accepts connections, reads requests and hands each to who answers it.

`acceptor.py` owns the connections, `http_connection.py` one of them, `route_table.py` says who
answers, `body_reader.py` reads request bodies, and `limited_stream.py` puts a deadline on
everything that is sent.
"""
