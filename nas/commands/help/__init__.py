"""What `--help` shows: commands with whole summaries, options in groups, examples."""
