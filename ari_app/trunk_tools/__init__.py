"""What a telecom admin does with his carriers, beside the running service: apply, take back, import, settle."""
