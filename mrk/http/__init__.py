"""HTTP as data: request heads, bodies, responses and CORS, free of I/O."""
