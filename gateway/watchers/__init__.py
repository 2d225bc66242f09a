"""Loops that look by themselves: what they notice enters by the journal, like everything else."""
