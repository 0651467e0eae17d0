"""Cameras shown through the TCP door, as a web server in front of them does.

`camera_paths.py` says which requests are for a camera, `camera_door.py` who may have them;
`stream_hub.py` shares one stream among its viewers, `snapshots.py` one picture; `relay.py` and
`tunnel.py` pass on the rest. `proxy.py` owns the tasks.
"""
