"""GPIO lines as those see them who switch or watch one."""
