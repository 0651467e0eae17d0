"""The component `mmu_server`: multi-material units and Spoolman, written as an add-on is."""
