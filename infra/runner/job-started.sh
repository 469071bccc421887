#!/bin/sh
# Runs before every job, and ends it with a failure where it must not run here: this runner reaches the engine, and with it
# everything. A pull request of a fork runs on GitHub's own runners; the workflow sends it there, and a fork can change the workflow.
exec /usr/local/bin/stocksctl infra admit-job
