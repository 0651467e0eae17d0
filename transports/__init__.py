"""How clients come in: the TCP door, websockets, the bridge and the unix socket."""
