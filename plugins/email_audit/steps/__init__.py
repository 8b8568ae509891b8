"""The steps of an audit, as plain functions that the command and the DAGs both call.

Each step can be run again at any time: what is done stays as it is, what is missing is done.
"""
