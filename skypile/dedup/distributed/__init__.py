"""The steps of deduplication as joins and shuffles of Spark; `one_task` does the same in one."""
