"""Rules about the host machine: what /proc, /sys and its commands say, as plain values.

Pure: bytes in, values out. Files are read and commands are run in nurseries/.
"""
