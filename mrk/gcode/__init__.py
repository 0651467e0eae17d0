"""What a g-code file says of itself: slicers, metadata, thumbnails and objects. Pure."""
