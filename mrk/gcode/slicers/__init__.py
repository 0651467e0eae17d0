"""Where each slicer writes its fields: one module a slicer or family."""
