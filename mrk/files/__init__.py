"""Files of the data folder: roots, safe paths, what is known of them and how changes are told."""
