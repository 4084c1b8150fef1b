"""The lab: jobs, queue, agent, rush."""
