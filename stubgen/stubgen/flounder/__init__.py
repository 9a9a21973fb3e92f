"""`stubgen import`: from Barrelfish's Flounder language to ours."""
