"""Front ends served to browsers: `front_ends.py` decides whose request it is, `static_files.py`
opens what it is for. Files leave on the way of downloads, not through the web app.
"""
