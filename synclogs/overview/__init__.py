"""Overview of a project, an integration or a customer: sync states, errors, latest log, metrics."""
