"""Rules about Klipper's CAN bus: the frames that ask for nodes, and the errors of a bus.

Pure. A bus is opened and listened to in nurseries/machine.
"""
